-- The partition log, the rows of closed runs, programs, and who owns what. No foreign keys, triggers, sequences or
-- functions: the owner of a partition decides everything, and the same tables work on PostgreSQL's relatives.

create table node (
  id int primary key,
  address text not null,
  beat timestamptz not null
);

-- Written on takeover and release only. `low`: first chunk still needed; `segment`: reserved, the log table in use.
create table part (
  id int primary key,
  epoch bigint not null,
  node int,
  low bigint not null,
  segment smallint not null
) with (fillfactor = 50);

-- The log is log_0. The others are reserved, for a log that rotates through eight tables which are emptied by TRUNCATE,
-- never by DELETE, so that there is nothing to vacuum; nothing reads or writes them yet.
-- The key is the fence: what two owners write at one place collides.
create table log_0 (part int not null, seq bigint not null, epoch bigint not null, body bytea not null, primary key (part, seq)) with (autovacuum_enabled = off);
create table log_1 (part int not null, seq bigint not null, epoch bigint not null, body bytea not null, primary key (part, seq)) with (autovacuum_enabled = off);
create table log_2 (part int not null, seq bigint not null, epoch bigint not null, body bytea not null, primary key (part, seq)) with (autovacuum_enabled = off);
create table log_3 (part int not null, seq bigint not null, epoch bigint not null, body bytea not null, primary key (part, seq)) with (autovacuum_enabled = off);
create table log_4 (part int not null, seq bigint not null, epoch bigint not null, body bytea not null, primary key (part, seq)) with (autovacuum_enabled = off);
create table log_5 (part int not null, seq bigint not null, epoch bigint not null, body bytea not null, primary key (part, seq)) with (autovacuum_enabled = off);
create table log_6 (part int not null, seq bigint not null, epoch bigint not null, body bytea not null, primary key (part, seq)) with (autovacuum_enabled = off);
create table log_7 (part int not null, seq bigint not null, epoch bigint not null, body bytea not null, primary key (part, seq)) with (autovacuum_enabled = off);
-- A body stays on its page and is not compressed by the server.
alter table log_0 alter body set storage plain;
alter table log_1 alter body set storage plain;
alter table log_2 alter body set storage plain;
alter table log_3 alter body set storage plain;
alter table log_4 alter body set storage plain;
alter table log_5 alter body set storage plain;
alter table log_6 alter body set storage plain;
alter table log_7 alter body set storage plain;

-- Chunks of the log once more, those at the places from `seq` to `upto` packed into one row: a takeover reads these and what
-- of the log is behind them. The chunks stay where they are, as the fence.
create table bundle (part int not null, seq bigint not null, upto bigint not null, body bytea not null, primary key (part, seq));
alter table bundle alter body set storage external;

-- One row per closed run, insert-only. Text is compared byte by byte, so that pages continue the same way everywhere;
-- attributes are text, because jsonb refuses the NUL that a string may hold; `search` has them once more, as text that
-- compares byte by byte. Times are milliseconds since 1970.
create table run (
  part int not null,
  namespace text collate "C" not null,
  workflow_id text collate "C" not null,
  run bigint not null,
  workflow text collate "C" not null,
  status smallint not null,
  started bigint not null,
  closed bigint not null,
  attributes text not null,
  search text not null,
  history bytea not null,
  primary key (part, namespace, workflow_id, run)
);
-- Histories come compressed.
alter table run alter history set storage external;
-- For what has been kept long enough.
create index run_closed on run (namespace, closed);
create index run_started on run (namespace, started desc, run desc) include (workflow, status);

-- Long runs: `cold` has their latest snapshot (kind 1). Reserved: pieces of their history, and `timer`.
create table cold (part int not null, run bigint not null, kind smallint not null, upto bigint not null, body bytea not null, primary key (part, run, kind, upto));
create table timer (part int not null, due bigint not null, run bigint not null, seq bigint not null, primary key (part, due, run, seq));

create table program (hash bytea primary key, body bytea not null);
-- Current code is the highest seq of a project.
create table deployment (
  namespace text collate "C" not null,
  seq bigint not null,
  project text collate "C" not null,
  program bytea not null,
  at bigint not null,
  primary key (namespace, seq)
);
-- What kind the search attributes are that were ever deployed.
create table attribute (
  namespace text collate "C" not null,
  name text collate "C" not null,
  kind text not null,
  primary key (namespace, name)
);
-- Namespaces that were created or changed; `default` is always there. Of one that is deleted the runs go first.
create table namespace (
  name text collate "C" primary key,
  retention_ms bigint not null,
  description text not null,
  created bigint not null,
  deleted bool not null
);
-- Values too large for the log, by hash within their run; they go with it.
create table blob (part int not null, run bigint not null, hash bytea not null, body bytea not null, primary key (part, run, hash));
alter table blob alter body set storage external;
