//! A large project as people would write it: domains with modules for data, rules, services, steps and workflows, which
//! import each other. Written from a seed, so that it is the same everywhere.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crate::binary::workspace;

/// What stands before the name of a top-level declaration.
const DECLARES: [&str; 8] = ["record", "enum", "error", "activity", "workflow", "fn", "flow", "schedule"];
/// Modules of a domain.
const PARTS: [&str; 5] = ["model", "rules", "services", "steps", "flows"];
/// Types of a domain: each part of it has twenty to forty lines for each.
const ENTITIES: usize = 8;
/// What domains are about.
const NOUNS: [&str; 12] = [
    "order", "invoice", "shipment", "customer", "refund", "contract", "ticket", "claim", "policy", "lease", "parcel",
    "booking",
];
/// What entities of a domain are called, after it.
const KINDS: [&str; ENTITIES] = ["Line", "Batch", "Entry", "Draft", "Review", "Quote", "Notice", "Change"];

/// A source file: its path below the project's folder, and its text.
#[derive(Debug)]
pub struct Module {
    /// `order_0/model.wf`.
    pub path: String,
    /// The program.
    pub text: String,
}

/// `files` modules of about two hundred lines each.
pub fn modules(files: usize) -> Vec<Module> {
    (0..files)
        .map(|file| {
            let domain = Domain { number: file / PARTS.len() };
            let part = PARTS[file % PARTS.len()];
            Module { path: format!("{}/{part}.wf", domain.name()), text: domain.module(part) }
        })
        .collect()
}

/// Writes a project.
///
/// # Errors
/// If the folder cannot be written.
pub fn write(folder: &Path, files: usize) -> std::io::Result<()> {
    std::fs::write(folder.join("weft.toml"), "name = \"large\"\n")?;
    for module in modules(files) {
        let path = folder.join(&module.path);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::fs::write(path, module.text)?;
    }
    Ok(())
}

struct Domain {
    number: usize,
}

/// A type of a domain.
struct Entity {
    /// `OrderLine3`.
    ty: String,
    /// `order_line3`.
    name: String,
    /// What varies.
    number: usize,
}

impl Domain {
    fn name(&self) -> String {
        format!("{}_{}", NOUNS[self.number % NOUNS.len()], self.number)
    }

    fn entity(&self, number: usize) -> Entity {
        let noun = NOUNS[self.number % NOUNS.len()];
        let kind = KINDS[number];
        let upper = format!("{}{}", noun[..1].to_uppercase(), &noun[1..]);
        let name = format!("{noun}{}_{}{number}", self.number, kind.to_lowercase());
        Entity { ty: format!("{upper}{}{kind}{number}", self.number), name, number }
    }

    /// One module: its imports, and a block for each type.
    fn module(&self, part: &str) -> String {
        let mut text = format!("// {} of {}.\n", part, self.name());
        let mut blocks = String::new();
        for entity in (0..ENTITIES).map(|number| self.entity(number)) {
            let used = match part {
                "model" => model(&entity, &mut blocks),
                "rules" => rules(&entity, &mut blocks),
                "services" => services(&entity, &mut blocks),
                "steps" => steps(&entity, &mut blocks),
                _ => flows(&entity, &mut blocks),
            };
            for (module, names) in by_module(&used) {
                let _ = writeln!(text, "import {}.{module} {{ {} }}", self.name(), names.join(", "));
            }
        }
        if part == "rules" && self.number > 0 {
            let before = Domain { number: self.number - 1 };
            let _ = writeln!(text, "import {}.model as neighbours", before.name());
            let entity = before.entity(0);
            let _ = writeln!(
                blocks,
                "/// What the neighbours still have open.\npub fn open_{}(lines: List<neighbours.{}>) -> Int =\n  lines.filter(line => line.quantity > 0).length()",
                entity.name, entity.ty
            );
        }
        format!("{text}\n{}\n", blocks.trim_end())
    }
}

/// Names of functions, flows and activities by the module that declares them.
fn by_module(names: &[String]) -> Vec<(&'static str, Vec<&str>)> {
    let module = |name: &str| match name.split('_').next().unwrap_or_default() {
        name if name.starts_with(char::is_uppercase) => "model",
        "total" | "label" => "model",
        "cheapest" | "rank" | "tagged" => "rules",
        "reserve" | "charge" | "cancel" | "notify" => "services",
        _ => "steps",
    };
    let of = |wanted: &str| names.iter().filter(|name| module(name) == wanted).map(String::as_str).collect();
    let all = PARTS.iter().map(|part| (*part, of(part)));
    all.filter(|(_, names): &(_, Vec<&str>)| !names.is_empty()).collect()
}

/// Fills a template: `TY`, `NAME` and `NUM` stand for the entity.
fn fill(template: &str, entity: &Entity, out: &mut String) {
    let text = template.replace("TY", &entity.ty).replace("NAME", &entity.name);
    out.push_str(&text.replace("NUM", &(entity.number + 3).to_string()));
    out.push('\n');
}

/// Names that a block takes from other modules.
fn used(names: &[&str], entity: &Entity) -> Vec<String> {
    names.iter().map(|name| name.replace("TY", &entity.ty).replace("NAME", &entity.name)).collect()
}

fn model(entity: &Entity, out: &mut String) -> Vec<String> {
    fill(
        r#"/// A TY as the people who handle it see it.
pub record TY {
  id: String
  amount_cents: Int
  quantity: Int = 1
  tags: List<String> = []
  note: String? = none
}

pub enum TYState { Open, Held(reason: String, days: Int), Closed(total: Int) }

pub error TYRefused { id: String, code: Int }

/// What all of them are worth together.
pub fn total_NAME(lines: List<TY>) -> Int = lines.map(line => line.amount_cents * line.quantity).sum()

/// How a state is shown to people.
pub fn label_NAME(id: String, state: TYState) -> String {
  return match state {
    Open => "{id} is open"
    Held(reason, days) if days > NUM => "{id} is held for long: {reason}"
    Held(reason, _) => "{id} is held: {reason}"
    Closed(total) => if total > 0 { "{id} closed at {total}" } else { "{id} closed empty" }
  }
}
"#,
        entity,
        out,
    );
    Vec::new()
}

fn rules(entity: &Entity, out: &mut String) -> Vec<String> {
    fill(
        r#"/// The cheapest of those that are not above a limit.
pub fn cheapest_NAME(lines: List<TY>, limit: Int) -> TY? {
  var best: TY? = none
  for line in lines {
    // What nobody wants costs nothing.
    if line.amount_cents > limit || line.quantity == 0 { continue }
    if let known = best {
      if line.amount_cents < known.amount_cents { best = line }
    } else {
      best = line
    }
  }
  return best
}

pub fn tagged_NAME(lines: List<TY>) -> Map<String, Int> {
  var found: Map<String, Int> = [:]
  for line in lines {
    for tag in line.tags { found[tag] = (found.get(tag) ?? 0) + line.quantity }
  }
  return found
}

pub fn rank_NAME(lines: List<TY>, wanted: Int = NUM) -> List<String> {
  var (count, points) = (0, 1)
  while count < wanted && points < 1_000 {
    points *= 2
    count += 1
  }
  let chosen = lines.filter(line => line.quantity * points > NUM && line.note != none)
  return chosen.sort_by(line => line.amount_cents).map(line => "{line.id}: {line.note ?? "no note"}")
}
"#,
        entity,
        out,
    );
    used(&["TY"], entity)
}

fn services(entity: &Entity, out: &mut String) -> Vec<String> {
    if entity.number == 0 {
        out.push_str("default activity with { queue: \"large\", timeout: 30s }\n\n");
    }
    fill(
        r#"/// Sets goods aside; asked again, it gives the same answer.
activity reserve_NAME(id: String, quantity: Int) -> { reservation: String, days: Int } with {
  timeout: 20s, total_timeout: 10m
  retry: backoff(first: 1s, factor: 2, max: 30s, attempts: 5)
}

activity charge_NAME(line: TY, cents: Int) -> String throws TYRefused with {
  queue: "payments-NUM"
  timeout: 45s, heartbeat: 10s
}

activity cancel_NAME(reservation: String) with { timeout: 1m, retry: backoff(first: 500ms, attempts: 9) }

activity notify_NAME(to: String, words: String = "it is done", days: Int? = none)
"#,
        entity,
        out,
    );
    used(&["TY", "TYRefused"], entity)
}

fn steps(entity: &Entity, out: &mut String) -> Vec<String> {
    fill(
        r#"/// Reserves and charges one, and gives the reservation back where the charge is refused.
pub flow settle_NAME(line: TY) -> TYState {
  let held = reserve_NAME(line.id, line.quantity)
  try {
    let receipt = charge_NAME(line, line.amount_cents * line.quantity)
    log.info("settled {line.id}: {receipt}")
    return Closed(line.amount_cents)
  } catch TYRefused as refused {
    cancel_NAME(held.reservation)
    if refused.code > 400 && held.days < NUM { sleep 1h }
    return Held("refused with {refused.code}", held.days)
  }
}

pub flow all_of_NAME(lines: List<TY>) -> Int {
  let states = parallel(limit: 4) for line in lines { settle_NAME(line) }
  var closed = 0
  for state in states {
    match state {
      Closed(total) => { closed += total }
      Held(reason, days) => { log.warn("{reason} after {days} days") }
      Open => {}
    }
  }
  if closed == 0 { notify_NAME("office", words: "nothing of {lines.length()} was settled") }
  return closed
}
"#,
        entity,
        out,
    );
    used(&["TY", "TYState", "TYRefused", "reserve_NAME", "charge_NAME", "cancel_NAME", "notify_NAME"], entity)
}

fn flows(entity: &Entity, out: &mut String) -> Vec<String> {
    fill(
        r#"/// From the first line to the last notice.
workflow run_NAME(id: String, lines: List<TY>, patience: Duration = 2d) -> String with { id: "NAME-{id}" } {
  pub state approved: Bool?
  pub state stage = "waiting"
  state extra: List<TY> = []

  signal approve(ok: Bool) {
    approved = ok
    stage = if ok { "approved" } else { "refused" }
  }
  signal add(line: TY) { extra = extra.push(line) }
  query worth() -> Int = total_NAME(lines) + total_NAME(extra)
  query first() -> TY? { return cheapest_NAME(lines, total_NAME(lines)) }

  notify_NAME(id, words: "{lines.length()} lines wait for you", days: NUM)
  let ok = wait until approved timeout patience else false
  if !ok { return "nobody approved {id} within {patience}" }
  stage = "settling"
  let closed = all_of_NAME(lines) catch _ => 0
  sleep 10m * NUM
  for (name, count) in tagged_NAME(lines).entries() {
    if count > NUM { notify_NAME("{name}@example.com") }
  }
  return "{id}: {closed} of {total_NAME(lines)}, first {rank_NAME(lines).join(", ")}"
}
"#,
        entity,
        out,
    );
    used(&["TY", "total_NAME", "cheapest_NAME", "tagged_NAME", "rank_NAME", "notify_NAME", "all_of_NAME"], entity)
}

/// The example programs over and over, each copy with names of its own: so many lines or some more.
///
/// # Panics
/// If the examples are not there.
pub fn long_program(at_least: usize) -> String {
    let mut all = Vec::new();
    for folder in std::fs::read_dir(workspace().join("examples")).expect("the examples are there") {
        let file = folder.expect("the examples can be listed").path().join("workflow.wf");
        all.push(std::fs::read_to_string(&file).expect("an example is text"));
    }
    all.sort();
    // One default per file: this one does for all of them.
    let mut text = String::from("default activity with { queue: \"bench\", timeout: 30s }\n\n");
    for copy in 0.. {
        for (number, example) in all.iter().enumerate() {
            let lines: String = example
                .lines()
                .filter(|line| !line.starts_with("default activity"))
                .flat_map(|line| [line, "\n"])
                .collect();
            text.push_str(&renamed(&lines, &format!("{number}_{copy}")));
            text.push('\n');
        }
        if text.lines().count() >= at_least {
            break;
        }
    }
    text
}

/// `text` with a mark after each of the names it declares at its top level, and before those of its patches and tests.
fn renamed(text: &str, mark: &str) -> String {
    let declared: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(word, _)| DECLARES.contains(word))
        .map(|(_, rest)| rest.trim_start().split(|c: char| !is_name(c)).next().unwrap_or_default())
        .collect();
    let mut out = String::with_capacity(text.len() + 256);
    let mut rest = text;
    while let Some(start) = rest.find(is_name) {
        let end = rest[start..].find(|c| !is_name(c)).map_or(rest.len(), |length| start + length);
        out.push_str(&rest[..end]);
        if declared.contains(&rest[start..end]) {
            out.push_str(mark);
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out.replace("patch \"", &format!("patch \"{mark}-")).replace("test \"", &format!("test \"{mark} "))
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
