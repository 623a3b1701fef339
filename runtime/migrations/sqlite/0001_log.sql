-- The same tables as on PostgreSQL. A log place is one integer, the partition above 48 bits of sequence number, so that
-- the table itself is the fence and appending touches one tree. Times are milliseconds since 1970.

create table node (id integer primary key, address text not null, beat integer not null);
create table part (id integer primary key, epoch integer not null, node integer, low integer not null, segment integer not null);

create table log_0 (place integer primary key, epoch integer not null, body blob not null);
-- Reserved, for a log that rotates; nothing reads or writes them yet, nor `part.segment`.
create table log_1 (place integer primary key, epoch integer not null, body blob not null);
create table log_2 (place integer primary key, epoch integer not null, body blob not null);
create table log_3 (place integer primary key, epoch integer not null, body blob not null);
create table log_4 (place integer primary key, epoch integer not null, body blob not null);
create table log_5 (place integer primary key, epoch integer not null, body blob not null);
create table log_6 (place integer primary key, epoch integer not null, body blob not null);
create table log_7 (place integer primary key, epoch integer not null, body blob not null);

-- Chunks of the log once more, those from `place` to `upto` packed into one row.
create table bundle (place integer primary key, upto integer not null, body blob not null);

create table run (
  part integer not null,
  namespace text not null,
  workflow_id text not null,
  run integer not null,
  workflow text not null,
  status integer not null,
  started integer not null,
  closed integer not null,
  attributes text not null,
  search text not null,
  history blob not null,
  primary key (part, namespace, workflow_id, run)
);
create index run_closed on run (namespace, closed);
create index run_started on run (namespace, started desc, run desc, workflow, status);

-- Long runs: `cold` has their latest snapshot (kind 1). Reserved: pieces of their history, and `timer`.
create table cold (part integer not null, run integer not null, kind integer not null, upto integer not null, body blob not null, primary key (part, run, kind, upto)) without rowid;
create table timer (part integer not null, due integer not null, run integer not null, seq integer not null, primary key (part, due, run, seq)) without rowid;

create table program (hash blob primary key, body blob not null);
create table deployment (namespace text not null, seq integer not null, project text not null, program blob not null, at integer not null, primary key (namespace, seq));
create table attribute (namespace text not null, name text not null, kind text not null, primary key (namespace, name)) without rowid;
create table namespace (name text primary key, retention_ms integer not null, description text not null, created integer not null, deleted integer not null) without rowid;
create table blob (part integer not null, run integer not null, hash blob not null, body blob not null, primary key (part, run, hash));
