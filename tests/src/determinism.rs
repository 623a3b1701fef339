//! Random programs for the attack on determinism: small bodies in which everything that could be seen otherwise the second
//! time (the clock, draws, the order of a map, who is woken first) ends up in an argument of an activity, and so in the
//! history. `generate` writes programs for the machine's ops; here it is about what the language promises of waits.

use std::collections::BTreeSet;
use std::fmt::Write;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Each construct of the language's table of meanings and events that programs are written with. Each must be in at least
/// one of a hundred.
pub const CONSTRUCTS: &[&str] = &[
    "activity",
    "child",
    "start",
    "flow",
    "sleep",
    "sleep until",
    "wait until",
    "receive",
    "signal handler",
    "query",
    "update",
    "parallel { }",
    "parallel for",
    "parallel(limit)",
    "fail: collect",
    "race",
    "spawn",
    "await",
    "select",
    "patch",
    "patch each",
    "patch sticky",
    "deprecated patch",
    "now()",
    "uuid() and random()",
    "log",
    "map",
    "retry",
    "indexed state",
    "try",
    "within",
    "defer",
    "on cancel",
    "saga",
    "send",
    "send cancel",
    "throw",
    "continue as new",
];

/// A program and what is in it.
#[derive(Debug)]
pub struct Written {
    /// Its source.
    pub text: String,
    /// Which of [`CONSTRUCTS`] it has.
    pub used: BTreeSet<&'static str>,
}

const PRELUDE: &str = r#"error Refused { code: Int }
default activity with { queue: "q", timeout: 1h, retry: fixed(2s, attempts: 3) }
activity number(n: Int) -> Int throws Refused
activity tell(text: String)
/// What the generators of a fiber gave: the same in every order of the inputs.
activity draw(text: String)
/// Reached only where something saw what it must not see.
activity torn(text: String)
flow twice(n: Int) -> Int throws Refused {
  let a = number(n)
  return (a + number(a)) % 100
}
workflow child(n: Int) -> Int {
  state told = 0
  signal hear(n: Int) { told = n }
  sleep 5s
  return n + told
}
"#;

/// The program of a seed.
pub fn program(seed: u64) -> Written {
    let mut writer = Writer {
        random: ChaCha8Rng::seed_from_u64(seed),
        out: String::from(PRELUDE),
        used: BTreeSet::new(),
        ints: Vec::new(),
        tasks: Vec::new(),
        names: 0,
        patches: 0,
        cut_short: 0,
    };
    writer.workflow();
    Written { text: writer.out, used: writer.used }
}

struct Writer {
    random: ChaCha8Rng,
    out: String,
    used: BTreeSet<&'static str>,
    /// Names of `Int`s in sight.
    ints: Vec<String>,
    /// Names of tasks in sight.
    tasks: Vec<String>,
    names: usize,
    patches: usize,
    /// How many deadlines and pieces of cleanup are around.
    cut_short: usize,
}

/// Where a statement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    depth: usize,
    looped: bool,
}

impl Place {
    fn inside(self) -> Place {
        Place { depth: self.depth + 1, ..self }
    }
}

impl Writer {
    fn workflow(&mut self) {
        let indexed = self.random.random_bool(0.5);
        if indexed {
            self.used.insert("indexed state");
        }
        // A result that becomes another type on its way out, or not.
        let result = self.pick(&["Int", "Int?"]).to_owned();
        let _ = writeln!(self.out, "workflow main(begin: Int) -> {result} throws Refused {{");
        let _ = writeln!(self.out, "  pub {}state count = 0", if indexed { "indexed " } else { "" });
        self.out.push_str(
            "  state names: Map<String, Int> = [:]
  state probe = 0
  state under = 0
  state kept = [0]
  signal bump(by: Int) { count = (count + by) % 100 }
  signal name(text: String) { names = names.set(text, names.length()) }
  signal mail(n: Int)
  query size() -> Int = count + names.length()
",
        );
        self.used.extend(["signal handler", "query"]);
        self.ints.push("begin".into());
        if self.random.random_bool(0.5) {
            self.update();
        }
        let place = Place { depth: 1, looped: false };
        for _ in 0..self.random.random_range(3..10) {
            self.statement(place);
            match self.random.random_range(0..12) {
                0 => self.limited_all_the_same(place),
                1 => self.cleaned_up_last(place),
                2 => self.kept_from_cleanup(place),
                _ => {}
            }
            if self.random.random_bool(0.03) {
                self.go_on_as_new(place);
            }
        }
        self.line(place, "let last = receive mail timeout 30s else 0");
        let result = self.int();
        let _ = writeln!(self.out, "  return ({result} + last) % 1000\n}}");
    }

    fn update(&mut self) {
        self.used.insert("update");
        let how = self.pick(&["", " with { concurrent: true }"]).to_owned();
        let refuse = "check { if n > 50 { throw Refused(n) } }";
        let _ = writeln!(self.out, "  update add(n: Int) -> Int throws Refused{how} {refuse} {{");
        self.out.push_str("    count = (count + n) % 100\n");
        self.ints = vec!["n".into()];
        let place = Place { depth: 2, looped: true };
        for _ in 0..self.random.random_range(0..3) {
            self.statement(place);
        }
        let result = self.int();
        let _ = writeln!(self.out, "    return {result} % 100\n  }}");
        self.ints = vec!["begin".into()];
        self.tasks.clear();
    }

    // ---- pieces

    fn pick<'a>(&mut self, options: &[&'a str]) -> &'a str {
        options[self.random.random_range(0..options.len())]
    }

    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    fn line(&mut self, place: Place, text: &str) {
        let _ = writeln!(self.out, "{}{text}", "  ".repeat(place.depth));
    }

    /// A line that names an `Int`.
    fn bind(&mut self, place: Place, value: &str) {
        let name = self.fresh();
        self.line(place, &format!("let {name} = {value}"));
        self.ints.push(name);
    }

    fn int(&mut self) -> String {
        match self.random.random_range(0..6) {
            0 => self.random.random_range(0..60).to_string(),
            1 => "count".into(),
            2 => "names.length()".into(),
            _ => self.ints[self.random.random_range(0..self.ints.len())].clone(),
        }
    }

    fn seconds(&mut self) -> String {
        format!("{}s", self.random.random_range(0..40))
    }

    fn block(&mut self, place: Place) {
        let (ints, tasks) = (self.ints.len(), self.tasks.len());
        for _ in 0..self.random.random_range(1..4) {
            self.statement(place.inside());
        }
        self.ints.truncate(ints);
        self.tasks.truncate(tasks);
    }

    /// A block that gives an `Int`.
    fn value_block(&mut self, place: Place) {
        let (ints, tasks) = (self.ints.len(), self.tasks.len());
        for _ in 0..self.random.random_range(0..3) {
            self.statement(place.inside());
        }
        let value = self.int();
        self.line(place.inside(), &format!("{value} + 0"));
        self.ints.truncate(ints);
        self.tasks.truncate(tasks);
    }

    // ---- statements

    fn statement(&mut self, place: Place) {
        let deep = place.depth > 3;
        match self.random.random_range(0..36) {
            0..=2 => self.activity(place),
            3 => self.draw(place),
            4 => self.clock(place),
            5 => self.map(place),
            6 => self.sleep(place),
            7 => self.wait(place),
            8 => self.receive(place),
            9 => self.children(place),
            10 => {
                self.used.insert("flow");
                let n = self.int();
                self.bind(place, &format!("twice({n})"));
            }
            11..=12 if !deep => self.parallel(place),
            13 => self.race(place),
            14..=15 if !deep => self.select(place),
            16..=17 => self.spawn(place),
            18 => self.await_task(place),
            19 => self.woken_together(place),
            // A deadline may end the wait that the probe relies on, and leave its task running.
            20 if self.cut_short == 0 => self.seen_too_early(place),
            21 if !deep => self.patch(place),
            22 => {
                self.used.insert("log");
                self.line(place, "log.info(\"count {count}\")");
            }
            23 if !deep => self.condition(place),
            24 if !deep => self.repetition(place),
            25 if !deep => self.attempt(place),
            26..=27 if !deep => self.deadline(place),
            28 if !deep => self.cleanup(place),
            29 if !deep => self.saga(place),
            30..=31 => self.send(place),
            _ => {
                let value = self.int();
                self.line(place, &format!("count = ({value} + 1) % 100"));
            }
        }
    }

    fn activity(&mut self, place: Place) {
        self.used.extend(["activity", "retry"]);
        let n = self.int();
        let tail = self.pick(&["", " catch Refused as e => e.code", " catch _ => 3"]).to_owned();
        self.bind(place, &format!("number({n}){tail}"));
    }

    fn draw(&mut self, place: Place) {
        self.used.insert("uuid() and random()");
        self.line(place, "draw(\"{uuid()} {random()}\")");
    }

    fn clock(&mut self, place: Place) {
        self.used.insert("now()");
        self.line(place, "tell(\"at {now()}\")");
    }

    fn map(&mut self, place: Place) {
        self.used.insert("map");
        let (n, m) = (self.int(), self.int());
        self.line(place, &format!("names = names.set(\"k{{{n} % 7}}\", {m})"));
        let text =
            self.pick(&["{names.keys().join(\",\")}", "{names.values().sum()} {names.entries().length()}", "{names}"]);
        let line = format!("tell(\"{text}\")");
        self.line(place, &line);
    }

    fn sleep(&mut self, place: Place) {
        let seconds = self.seconds();
        if self.random.random_bool(0.6) {
            self.used.insert("sleep");
            return self.line(place, &format!("sleep {seconds}"));
        }
        self.used.insert("sleep until");
        self.line(place, &format!("sleep until now() + {seconds}"));
    }

    fn wait(&mut self, place: Place) {
        self.used.insert("wait until");
        let (limit, n) = (self.seconds(), self.random.random_range(0..60));
        let line = match self.random.random_range(0..3) {
            0 => format!("wait until count > {n} timeout {limit} else log.info(\"late\")"),
            1 => format!("wait until names.has(\"k{}\") timeout {limit} else {{ }}", n % 7),
            _ => format!("wait until count != {n}"),
        };
        self.line(place, &line);
    }

    fn receive(&mut self, place: Place) {
        self.used.insert("receive");
        let limit = self.seconds();
        self.bind(place, &format!("receive mail timeout {limit} else 7"));
    }

    fn children(&mut self, place: Place) {
        let n = self.int();
        if self.random.random_bool(0.6) {
            self.used.insert("child");
            return self.bind(place, &format!("child({n}) catch ChildFailed => 5"));
        }
        self.used.insert("start");
        let close = self.pick(&["abandon", "cancel", "terminate"]).to_owned();
        self.line(place, &format!("start child({n}) with {{ on_parent_close: {close} }}"));
    }

    /// Tells a run something that it may not live to hear.
    fn send(&mut self, place: Place) {
        self.used.insert("start");
        let (run, n, m) = (self.fresh(), self.int(), self.int());
        let close = self.pick(&["abandon", "cancel", "terminate"]).to_owned();
        self.line(place, &format!("let {run} = start child({n}) with {{ on_parent_close: {close} }}"));
        if self.random.random_bool(0.7) {
            self.used.insert("send");
            self.line(place, &format!("send {run}.hear({m})"));
        } else {
            self.used.insert("send cancel");
            self.line(place, &format!("send {run}.cancel()"));
        }
    }

    /// Ends this history, whatever is under way.
    fn go_on_as_new(&mut self, place: Place) {
        self.used.insert("continue as new");
        let (n, m) = (self.int(), self.int());
        self.line(place, &format!("if count > {n} {{ continue as new({m}) }}"));
    }

    fn parallel(&mut self, place: Place) {
        match self.random.random_range(0..4) {
            0 => {
                self.used.insert("parallel { }");
                let (a, b) = (self.int(), self.int());
                let (x, y) = (self.fresh(), self.fresh());
                self.line(place, &format!("let ({x}, {y}) = parallel {{ number({a}), twice({b}) }}"));
                self.ints.extend([x, y]);
            }
            1 => {
                self.used.insert("fail: collect");
                let name = self.fresh();
                self.line(place, &format!("let {name} = parallel(fail: collect) for i in 0..3 {{ number(i) }}"));
                self.ints.push(format!("{name}.length()"));
            }
            limited => {
                let head = match limited {
                    2 => {
                        self.used.insert("parallel(limit)");
                        format!("parallel(limit: {})", self.random.random_range(1..3))
                    }
                    _ => "parallel".to_owned(),
                };
                self.used.insert("parallel for");
                let (name, item) = (self.fresh(), self.fresh());
                self.line(place, &format!("let {name} = {head} for {item} in 0..3 {{"));
                self.ints.push(item);
                self.value_block(Place { looped: true, ..place });
                self.ints.pop();
                self.line(place, "}");
                self.ints.push(format!("{name}.sum()"));
            }
        }
    }

    fn race(&mut self, place: Place) {
        self.used.insert("race");
        let (a, b) = (self.int(), self.int());
        let other = self.pick(&["child", "twice"]).to_owned();
        self.bind(place, &format!("race {{ number({a}), {other}({b}) }}"));
    }

    fn spawn(&mut self, place: Place) {
        self.used.insert("spawn");
        let name = self.fresh();
        let n = self.int();
        match self.random.random_range(0..3) {
            0 => self.line(place, &format!("let {name} = spawn number({n})")),
            1 => self.line(place, &format!("let {name} = spawn twice({n})")),
            _ => {
                self.line(place, &format!("let {name} = spawn {{"));
                self.value_block(Place { depth: place.depth.max(3), ..place });
                self.line(place, "}");
            }
        }
        self.tasks.push(name);
    }

    fn await_task(&mut self, place: Place) {
        let Some(last) = self.tasks.len().checked_sub(1) else { return self.spawn(place) };
        self.used.insert("await");
        let task = self.tasks[self.random.random_range(0..=last)].clone();
        let tail = self.pick(&["", " catch _ => 4"]).to_owned();
        self.bind(place, &format!("await {task}{tail}"));
    }

    /// Several fibers that go on at once, for the end of one task.
    fn woken_together(&mut self, place: Place) {
        self.used.extend(["spawn", "await"]);
        let (task, n) = (self.fresh(), self.int());
        self.line(place, &format!("let {task} = spawn number({n})"));
        for waiter in 0..3 {
            self.line(place, &format!("spawn {{ await {task} catch _ => 0; tell(\"woken {waiter}\") }}"));
        }
    }

    /// A condition that holds only between two fibers of one event: those that are ready run before it is tested.
    fn seen_too_early(&mut self, place: Place) {
        self.used.extend(["spawn", "await", "wait until"]);
        let (task, flag) = (self.fresh(), self.random.random_range(100..1_000_000));
        self.line(place, &format!("let {task} = spawn {{ number(1) catch _ => 1; probe = {flag}; 2 }}"));
        self.line(place, "spawn {");
        self.line(place.inside(), "var seen = true");
        self.line(place.inside(), &format!("wait until probe == {flag} timeout 20s else {{ seen = false }}"));
        self.line(place.inside(), "if seen { torn(\"a state between two fibers\") }");
        self.line(place, "}");
        self.line(place, &format!("await {task}"));
        self.line(place, "probe = 0");
    }

    /// A deadline that must hold whatever its body has caught before, as long as it was not the deadline itself. Only
    /// where nothing else is around that could cancel the body a second time.
    fn limited_all_the_same(&mut self, place: Place) {
        self.used.extend(["within", "try"]);
        let (begun, caught, used) = (self.fresh(), self.fresh(), self.fresh());
        let limit = self.random.random_range(1..40);
        self.line(place, &format!("let {begun} = now()"));
        self.line(place, &format!("var {caught} = false"));
        self.line(place, &format!("var {used} = false"));
        self.line(place, "try {");
        let inside = place.inside();
        self.line(inside, &format!("within {limit}s {{"));
        self.line(inside, "  try {");
        self.cut_short += 1;
        match self.random.random_range(0..3) {
            0 => self.line(inside, "    parallel { number(count), twice(1), child(2) }"),
            1 => self.line(inside, "    sleep 20s"),
            _ => self.block(inside.inside()),
        }
        self.cut_short -= 1;
        self.line(inside, "  } catch Canceled {");
        self.line(inside, &format!("    {caught} = now() < {begun} + {limit}s"));
        self.line(inside, &format!("    {used} = !{caught}"));
        self.line(inside, "  } catch _ { }");
        self.line(inside, &format!("  if !{used} {{ sleep 2h; torn(\"what is behind a deadline\") }}"));
        self.line(inside, "} else { tell(\"late\") }");
        self.line(place, &format!("}} catch Canceled {{ if {caught} {{ torn(\"the cancel of a deadline\") }} }}"));
    }

    /// A task and cleanup of one body: the task ends first, however the body ends.
    fn cleaned_up_last(&mut self, place: Place) {
        self.used.extend(["spawn", "defer"]);
        let n = self.int();
        self.line(place, "spawn {");
        self.line(place.inside(), "under += 1");
        self.line(place.inside(), "defer { under -= 1 }");
        self.line(place.inside(), &format!("number({n}) catch _ => 0"));
        self.line(place.inside(), "sleep 5s");
        self.line(place, "}");
        self.line(place, "defer { if under > 0 { torn(\"a task that cleanup should have come after\") } }");
    }

    /// The value of a body whose cleanup changes what the value comes from.
    fn kept_from_cleanup(&mut self, place: Place) {
        self.used.extend(["parallel for", "defer"]);
        let name = self.fresh();
        self.line(place, "kept[0] = 0");
        self.line(place, &format!("let {name} = parallel for i in 0..1 {{"));
        self.line(place.inside(), "defer { kept[0] = 1; sleep 1s }");
        self.line(place.inside(), "kept");
        self.line(place, "}");
        self.line(place, &format!("if {name}[0][0] == 1 {{ torn(\"a value that cleanup has changed\") }}"));
    }

    fn select(&mut self, place: Place) {
        self.used.insert("select");
        let name = self.fresh();
        self.line(place, &format!("let {name} = select {{"));
        let (limit, n) = (self.seconds(), self.random.random_range(0..90));
        let mut sources = vec![
            "receive mail(n) => n".to_owned(),
            format!("when count > {n} => count"),
            format!("when names.has(\"k{}\") => 2", n % 7),
            format!("after {limit} => 1"),
            format!("at now() + {limit} => 3"),
        ];
        sources.extend(self.tasks.iter().map(|task| format!("await {task} as n => n")));
        for _ in 0..self.random.random_range(1..4) {
            let source = sources.swap_remove(self.random.random_range(0..sources.len()));
            self.line(place.inside(), &source);
        }
        self.line(place.inside(), "after 1m => {");
        self.value_block(place.inside());
        self.line(place.inside(), "}");
        self.line(place, "}");
        self.ints.push(name);
    }

    fn patch(&mut self, place: Place) {
        self.patches += 1;
        if self.random.random_bool(0.25) {
            self.used.insert("deprecated patch");
            let line = format!("deprecated patch \"change-{}\" {{", self.patches);
            self.line(place, &line);
            self.block(place);
            return self.line(place, "}");
        }
        let mode = match place.looped {
            false => "",
            true => self.pick(&[" each", " sticky"]),
        };
        self.used.insert(match mode {
            " each" => "patch each",
            " sticky" => "patch sticky",
            _ => "patch",
        });
        let line = format!("patch \"change-{}\"{mode} {{", self.patches);
        self.line(place, &line);
        self.block(place);
        self.line(place, "} else {");
        self.block(place);
        self.line(place, "}");
    }

    fn condition(&mut self, place: Place) {
        let (a, b) = (self.int(), self.int());
        self.line(place, &format!("if {a} > {b} {{"));
        self.block(place);
        self.line(place, "} else {");
        self.block(place);
        self.line(place, "}");
    }

    fn repetition(&mut self, place: Place) {
        let name = self.fresh();
        self.line(place, &format!("for {name} in 0..2 {{"));
        self.ints.push(name);
        self.block(Place { looped: true, ..place });
        self.ints.pop();
        self.line(place, "}");
    }

    fn attempt(&mut self, place: Place) {
        self.used.insert("try");
        let n = self.int();
        self.line(place, "try {");
        self.block(place);
        if self.random.random_bool(0.3) {
            self.used.insert("throw");
            self.line(place.inside(), &format!("if count < {n} {{ throw Refused({n}) }}"));
        }
        self.line(place.inside(), &format!("count = number({n}) % 100"));
        self.line(place, "} catch Refused as e {");
        self.line(place.inside(), "count = e.code % 100");
        self.line(place, "} catch e {");
        self.line(place.inside(), "tell(e.message)");
        self.line(place, "}");
    }

    fn deadline(&mut self, place: Place) {
        self.used.insert("within");
        let (name, limit) = (self.fresh(), self.seconds());
        self.line(place, &format!("let {name} = within {limit} {{"));
        self.cut_short += 1;
        self.value_block(place);
        self.cut_short -= 1;
        self.line(place, "} else {");
        self.value_block(place);
        self.line(place, "}");
        self.ints.push(name);
    }

    fn cleanup(&mut self, place: Place) {
        let how = if self.random.random_bool(0.5) { "defer" } else { "on cancel" };
        self.used.insert(how);
        self.line(place, &format!("{how} {{"));
        self.cut_short += 1;
        // Tasks of the body around it have ended when it runs.
        let tasks = std::mem::take(&mut self.tasks);
        self.block(Place { depth: place.depth + 1, looped: true });
        self.tasks = tasks;
        self.cut_short -= 1;
        self.line(place, "}");
    }

    fn saga(&mut self, place: Place) {
        self.used.insert("saga");
        let (first, second, n) = (self.fresh(), self.fresh(), self.int());
        self.line(place, "try {");
        self.line(place.inside(), "saga {");
        self.line(place, &format!("    let {first} = number({n}) undo tell(\"undo {{{first}}}\")"));
        self.line(place, &format!("    let {second} = twice({first}) undo draw(\"{{uuid()}} {{random()}}\")"));
        let (ints, tasks) = (self.ints.len(), self.tasks.len());
        self.ints.extend([first, second]);
        self.block(place.inside());
        let limit = self.random.random_range(0..60);
        self.line(place, &format!("    if count > {limit} {{ throw Refused(count) }}"));
        self.ints.truncate(ints);
        self.tasks.truncate(tasks);
        self.line(place.inside(), "}");
        self.line(place, "} catch Refused { } catch e { tell(e.message) }");
    }
}
