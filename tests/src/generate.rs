//! Random well-typed programs: every construct of the language that runs, with small values so that arithmetic rarely
//! traps. The same seed gives the same program.

use std::fmt::Write;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What every generated program declares; the workflow `main` follows.
const PRELUDE: &str = r#"
record Point { x: Int, y: Int, label: String }
enum Color { Red, Green, Blue }
enum Shape { Empty, Circle(r: Int), Box(w: Int, label: String) }
error Refused { code: Int }

default activity with { builtin: "noop", timeout: 30s }
activity number(n: Int) -> Int throws Refused
activity text(s: String) -> String
activity nothing()
activity point(p: Point) -> Point

fn float(x: Float) -> Float = x
fn twice(n: Int) -> Int = n * 2 % 1000
fn clamp(n: Int) -> Int {
  if n > 500 { return 500 }
  if n < -500 { return -500 }
  return n
}
fn describe(s: Shape) -> String = match s {
  Empty => "empty",
  Circle(r) => "circle {r}",
  Box(w, label) => "box {w} {label}",
}
fn apply(n: Int, f: (Int) => Int) -> Int = f(n)
flow ask(n: Int) -> Int throws Refused {
  let first = number(n)
  return clamp(first + 1)
}
workflow child(n: Int) -> Int {
  state told = 0
  signal tell(n: Int) { told = n }
  sleep 1s
  return n + 1
}
"#;

/// Members of `main` before its random body.
const MEMBERS: &str = r#"
  pub indexed state count = 0
  state last: String?
  state points: List<Point> = []
  signal bump(by: Int) { count = clamp(count + by) }
  signal name(s: String) { last = s }
  signal mail(a: Int, b: String)
  query total() -> Int = count + points.length()
"#;

/// The source of program number `seed`.
pub fn program(seed: u64) -> String {
    let mut generator = Generator {
        random: ChaCha8Rng::seed_from_u64(seed),
        out: String::new(),
        names: 0,
        scope: Vec::new(),
        tasks: Vec::new(),
        patches: 0,
    };
    generator.out.push_str(PRELUDE);
    generator.out.push_str("workflow main(begin: Int) -> String throws Refused {");
    generator.out.push_str(MEMBERS);
    generator.updates();
    generator.scope.push(("begin".into(), Type::Int, false));
    for _ in 0..generator.random.random_range(4..14) {
        generator.statement(1, true);
    }
    generator.receive(1); // a mailbox that nobody reads is a mistake
    if generator.random.random_bool(0.2) {
        generator.line(1, "if count > 100 { continue as new(count) }");
    }
    let result = generator.expr(Type::String, 2);
    let _ = writeln!(generator.out, "  return {result}\n}}");
    generator.out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Int,
    Bool,
    String,
    Decimal,
    Float,
    Duration,
    Ints,
    Strings,
    Map,
    Point,
    Color,
    Shape,
    MaybeInt,
    Pair,
    Set,
}

const TYPES: [Type; 15] = [
    Type::Int,
    Type::Bool,
    Type::String,
    Type::Decimal,
    Type::Float,
    Type::Duration,
    Type::Ints,
    Type::Strings,
    Type::Map,
    Type::Point,
    Type::Color,
    Type::Shape,
    Type::MaybeInt,
    Type::Pair,
    Type::Set,
];

struct Generator {
    random: ChaCha8Rng,
    out: String,
    names: usize,
    /// Name, type, whether it is a `var`.
    scope: Vec<(String, Type, bool)>,
    /// Tasks of an `Int` in sight.
    tasks: Vec<String>,
    patches: usize,
}

impl Generator {
    /// Two updates that do anything: one that takes turns, one that does not.
    fn updates(&mut self) {
        for (name, option) in [("change", ""), ("beside", " with { concurrent: true }")] {
            self.line(1, &format!("update {name}(by: Int) -> Int throws Refused{option} check {{"));
            self.line(2, "if by + count > 900 { throw Refused(by) }");
            self.line(1, "} {");
            self.scope.push(("by".into(), Type::Int, false));
            self.block(1, true);
            let result = self.expr(Type::Int, 1);
            self.line(2, &format!("return {result}"));
            self.line(1, "}");
            self.scope.clear();
        }
    }

    fn pick<'a>(&mut self, options: &[&'a str]) -> &'a str {
        options[self.random.random_range(0..options.len())]
    }

    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.out, "{}{text}", "  ".repeat(depth));
    }

    /// A block of statements in its own scope.
    fn block(&mut self, depth: usize, waits: bool) {
        let (known, tasks) = (self.scope.len(), self.tasks.len());
        for _ in 0..self.random.random_range(1..4) {
            self.statement(depth + 1, waits);
        }
        self.scope.truncate(known);
        self.tasks.truncate(tasks);
    }

    /// A statement at a nesting depth; `waits` says whether it may suspend and assign outer variables.
    fn statement(&mut self, depth: usize, waits: bool) {
        let deep = depth > 3;
        match self.random.random_range(0..if waits { 28 } else { 8 }) {
            0..=2 => self.binding(depth),
            3 => self.assignment(depth),
            4 if !deep => self.condition(depth, waits),
            5 if !deep => self.repetition(depth, waits),
            6 => {
                let value = self.expr(Type::Int, 2);
                self.line(depth, &format!("count = clamp({value})"));
            }
            7 => {
                let value = self.expr(Type::String, 2);
                self.line(depth, &format!("log.info({value})"));
            }
            8..=10 => self.activity(depth),
            11 => {
                let limit = self.random.random_range(1..90);
                let text = self.pick(&["sleep {}s", "sleep until now() + {}m", "sleep 0s + {}ms"]);
                self.line(depth, &text.replace("{}", &limit.to_string()));
            }
            12 if !deep => self.parallel(depth),
            13 if !deep => self.race(depth),
            14 => self.wait(depth),
            15 => self.receive(depth),
            16 => self.children(depth),
            17 if !deep => self.patch(depth),
            18 if !deep => self.attempt(depth),
            19 => self.world(depth),
            20 => {
                let point = self.expr(Type::Point, 1);
                self.line(depth, &format!("points = points.push({point})"));
                self.line(depth, "if points.length() > 0 { points[0] = { ...points[0], x: count } }");
            }
            21 => self.spawn(depth),
            22 => self.await_task(depth),
            23 if !deep => self.select(depth),
            24 if !deep => self.deadline(depth),
            25 if !deep => self.cleanup(depth),
            26 if !deep => self.saga(depth),
            _ => self.binding(depth),
        }
    }

    fn binding(&mut self, depth: usize) {
        let ty = TYPES[self.random.random_range(0..TYPES.len())];
        let value = self.expr(ty, 3);
        let name = self.fresh();
        let var = self.random.random_bool(0.5);
        let annotation = annotation(ty);
        self.line(depth, &format!("{} {name}: {annotation} = {value}", if var { "var" } else { "let" }));
        self.scope.push((name, ty, var));
    }

    fn assignment(&mut self, depth: usize) {
        let vars: Vec<(String, Type)> = self.scope.iter().filter(|v| v.2).map(|v| (v.0.clone(), v.1)).collect();
        if vars.is_empty() {
            return self.binding(depth);
        }
        let (name, ty) = vars[self.random.random_range(0..vars.len())].clone();
        match ty {
            Type::Point if self.random.random_bool(0.6) => {
                let value = self.expr(Type::Int, 2);
                self.line(depth, &format!("{name}.x = {value}"));
            }
            Type::Ints if self.random.random_bool(0.6) => {
                let value = self.expr(Type::Int, 2);
                self.line(depth, &format!("if {name}.length() > 1 {{ {name}[1] = {value} }}"));
            }
            Type::Map if self.random.random_bool(0.6) => {
                let (key, value) = (self.expr(Type::String, 1), self.expr(Type::Int, 2));
                self.line(depth, &format!("{name}[{key}] = {value}"));
            }
            _ => {
                let value = self.expr(ty, 3);
                self.line(depth, &format!("{name} = {value}"));
            }
        }
    }

    fn condition(&mut self, depth: usize, waits: bool) {
        match self.random.random_range(0..3) {
            0 => {
                let maybe = self.maybe(2);
                let name = self.fresh();
                self.line(depth, &format!("if let {name} = {maybe} {{"));
                self.scope.push((name, Type::Int, false));
                self.block(depth, waits);
                self.scope.pop();
            }
            1 => {
                let shape = self.expr(Type::Shape, 2);
                self.line(depth, &format!("match {shape} {{"));
                self.line(depth + 1, "Empty => log.info(\"empty\")");
                self.line(depth + 1, "Circle(r) if r > 3 => { count = clamp(r) }");
                self.line(depth + 1, "Circle(_) | Box(_, _) => {");
                self.block(depth + 1, waits);
                self.line(depth + 1, "}");
            }
            _ => {
                let cond = self.expr(Type::Bool, 3);
                self.line(depth, &format!("if {cond} {{"));
                self.block(depth, waits);
                if self.random.random_bool(0.5) {
                    self.line(depth, "} else {");
                    self.block(depth, waits);
                }
            }
        }
        self.line(depth, "}");
    }

    fn repetition(&mut self, depth: usize, waits: bool) {
        let name = self.fresh();
        if self.random.random_bool(0.3) {
            let limit = self.random.random_range(1..20);
            self.line(depth, &format!("var {name} = 0"));
            self.line(depth, &format!("while {name} < {limit} {{"));
            self.line(depth + 1, &format!("{name} += 1"));
            let stop = self.pick(&["break", "continue"]).to_owned();
            self.line(depth + 1, &format!("if {name} == 3 {{ {stop} }}"));
            self.block(depth, false);
        } else {
            let items = match self.random.random_range(0..3) {
                0 => format!("0..{}", self.random.random_range(1..12)),
                1 => format!("range(0, {}, step: 3)", self.random.random_range(1..30)),
                _ => self.expr(Type::Ints, 2),
            };
            self.line(depth, &format!("for {name} in {items} {{"));
            self.scope.push((name, Type::Int, false));
            self.block(depth, waits && depth < 2);
            self.scope.pop();
        }
        self.line(depth, "}");
    }

    fn activity(&mut self, depth: usize) {
        let (call, ty) = match self.random.random_range(0..5) {
            0 => (format!("number({})", self.expr(Type::Int, 2)), Some(Type::Int)),
            1 => (format!("text({})", self.expr(Type::String, 2)), Some(Type::String)),
            2 => (format!("point({})", self.expr(Type::Point, 2)), Some(Type::Point)),
            3 => (format!("ask({})", self.expr(Type::Int, 1)), Some(Type::Int)),
            _ => ("nothing()".into(), None),
        };
        match ty {
            None => self.line(depth, &call),
            Some(ty) => {
                let name = self.fresh();
                let fallback = self.expr(ty, 1);
                let tail = match (ty, self.random.random_range(0..3)) {
                    (Type::Int, 0) if call.starts_with("number") => " catch Refused as e => e.code".to_owned(),
                    (_, 1) => format!(" catch _ => {fallback}"),
                    _ => String::new(),
                };
                self.line(depth, &format!("let {name} = {call}{tail}"));
                self.scope.push((name, ty, false));
            }
        }
    }

    fn parallel(&mut self, depth: usize) {
        let name = self.fresh();
        match self.random.random_range(0..3) {
            0 => {
                let (a, b) = (self.expr(Type::Int, 1), self.expr(Type::String, 1));
                let other = self.fresh();
                self.line(depth, &format!("let ({name}, {other}) = parallel {{ number({a}), text({b}) }}"));
                self.scope.push((name, Type::Int, false));
                self.scope.push((other, Type::String, false));
            }
            1 => {
                let limit = self.random.random_range(1..4);
                let items = self.expr(Type::Ints, 2);
                let item = self.fresh();
                self.line(depth, &format!("let {name} = parallel(limit: {limit}) for {item} in {items} {{"));
                self.line(depth + 1, &format!("sleep 1s * ({item} % 3 + 1)"));
                self.line(depth + 1, &format!("number({item})"));
                self.line(depth, "}");
                self.scope.push((name, Type::Ints, false));
            }
            _ => {
                let items = self.expr(Type::Strings, 1);
                let item = self.fresh();
                self.line(depth, &format!("let {name} = parallel for {item} in {items} {{ text({item}) }}"));
                self.scope.push((name, Type::Strings, false));
            }
        }
    }

    fn race(&mut self, depth: usize) {
        let name = self.fresh();
        let (a, b) = (self.expr(Type::Int, 1), self.expr(Type::Int, 1));
        self.line(depth, &format!("let {name} = race {{ number({a}), child({b}) }}"));
        self.scope.push((name, Type::Int, false));
    }

    fn spawn(&mut self, depth: usize) {
        let value = self.expr(Type::Int, 1);
        let task = match self.random.random_range(0..4) {
            0 => format!("number({value})"),
            1 => format!("ask({value})"),
            2 => format!("{{ sleep {}s number({value}) }}", self.random.random_range(0..9)),
            _ => format!("{{ wait until count > 5 timeout 20s else log.info(\"late\"); {value} }}"),
        };
        if self.random.random_bool(0.3) {
            return self.line(depth, &format!("spawn {task}"));
        }
        let name = self.fresh();
        self.line(depth, &format!("let {name} = spawn {task}"));
        self.tasks.push(name);
    }

    fn await_task(&mut self, depth: usize) {
        let Some(last) = self.tasks.len().checked_sub(1) else { return self.spawn(depth) };
        let (task, name) = (self.tasks[self.random.random_range(0..=last)].clone(), self.fresh());
        let tail = self.pick(&["", " catch _ => 4"]).to_owned();
        self.line(depth, &format!("let {name} = await {task}{tail}"));
        self.scope.push((name, Type::Int, false));
    }

    fn select(&mut self, depth: usize) {
        let name = self.fresh();
        self.line(depth, &format!("let {name} = select {{"));
        let mut sources = vec!["receive mail(a, _) => a".to_owned(), "receive mail => 0".to_owned()];
        sources.push(format!("when count > {} => count", self.random.random_range(0..60)));
        sources.push("when last => 3".to_owned());
        sources.push(format!("after {}s => 1", self.random.random_range(0..40)));
        sources.push(format!("at now() + {}m => 2", self.random.random_range(0..9)));
        if let Some(task) = self.tasks.last() {
            sources.push(format!("await {task} as n => n"));
            sources.push(format!("await {task} => 9"));
        }
        for _ in 0..self.random.random_range(1..4) {
            let source = sources.swap_remove(self.random.random_range(0..sources.len()));
            self.line(depth + 1, &source);
        }
        // Without an end of its own it might wait for ever.
        self.line(depth + 1, "after 50s => {");
        self.block(depth + 1, true);
        self.line(depth + 1, "  0 }");
        self.line(depth, "}");
        self.scope.push((name, Type::Int, false));
    }

    fn wait(&mut self, depth: usize) {
        let limit = self.random.random_range(1..200);
        if self.random.random_bool(0.5) {
            let name = self.fresh();
            self.line(depth, &format!("let {name} = wait until last timeout {limit}s else \"none\""));
            self.scope.push((name, Type::String, false));
        } else {
            let value = self.random.random_range(0..50);
            let (a, b) = (self.pick(&[">", "<", "!=", ">="]).to_owned(), self.pick(&["count", "count * 2"]).to_owned());
            let tail = match self.random.random_bool(0.7) {
                true => format!(" timeout {limit}s else log.warn(\"late\")"),
                false => String::new(),
            };
            self.line(depth, &format!("wait until {b} {a} {value}{tail}"));
        }
    }

    fn receive(&mut self, depth: usize) {
        let name = self.fresh();
        let limit = self.random.random_range(1..200);
        let tail = match self.random.random_bool(0.7) {
            true => format!(" timeout {limit}s else {{ a: 0, b: \"none\" }}"),
            false => String::new(),
        };
        self.line(depth, &format!("let {name} = receive mail{tail}"));
        self.line(depth, &format!("count = clamp(count + {name}.a)"));
    }

    fn children(&mut self, depth: usize) {
        let value = self.expr(Type::Int, 1);
        if self.random.random_bool(0.6) {
            let name = self.fresh();
            let fallback = self.random.random_range(0..9);
            self.line(depth, &format!("let {name} = child({value}) catch ChildFailed => {fallback}"));
            self.scope.push((name, Type::Int, false));
        } else {
            let policy = self.pick(&["abandon", "cancel", "terminate"]).to_owned();
            let name = self.fresh();
            self.line(depth, &format!("let {name} = start child({value}) with {{ on_parent_close: {policy} }}"));
            match self.random.random_range(0..4) {
                0 => self.line(depth, &format!("send {name}.tell(count)")),
                1 => self.line(depth, &format!("send {name}.cancel()")),
                _ => {}
            }
            self.line(depth, &format!("log.debug(\"started {{{name}.workflow_id}}\")"));
        }
    }

    fn patch(&mut self, depth: usize) {
        self.patches += 1;
        let id = self.patches;
        let mode = if depth > 1 { self.pick(&[" each", " sticky"]).to_owned() } else { String::new() };
        self.line(depth, &format!("patch \"change-{id}\"{mode} {{"));
        self.block(depth, true);
        if self.random.random_bool(0.5) {
            self.line(depth, "} else {");
            self.block(depth, true);
        }
        self.line(depth, "}");
    }

    fn attempt(&mut self, depth: usize) {
        self.line(depth, "try {");
        self.block(depth, true);
        if self.random.random_bool(0.4) {
            let code = self.expr(Type::Int, 1);
            self.line(depth + 1, &format!("if count > 100 {{ throw Refused({code}) }}"));
        }
        let value = self.expr(Type::Int, 1);
        self.line(depth + 1, &format!("count = clamp(number({value}))"));
        self.line(depth, "} catch Refused as e {");
        self.line(depth + 1, "count = clamp(e.code)");
        self.line(depth, "} catch e {");
        self.line(depth + 1, "log.error(e.message)");
        self.line(depth, "}");
    }

    fn deadline(&mut self, depth: usize) {
        let limit = self.random.random_range(0..100);
        let unit = self.pick(&["s", "ms"]);
        if self.random.random_bool(0.4) {
            let (name, asked, late) = (self.fresh(), self.expr(Type::Int, 1), self.expr(Type::Int, 1));
            self.line(depth, &format!("let {name} = within {limit}{unit} {{ number({asked}) }} else {{ {late} }}"));
            return self.scope.push((name, Type::Int, false));
        }
        self.line(depth, &format!("within {limit}{unit} {{"));
        self.block(depth, true);
        if self.random.random_bool(0.8) {
            self.line(depth, "} else {");
            self.block(depth, true);
        }
        self.line(depth, "}");
    }

    fn cleanup(&mut self, depth: usize) {
        let how = self.pick(&["defer", "on cancel"]);
        self.line(depth, &format!("{how} {{"));
        // It sees the variables as they are here, and cannot change them.
        let scope = self.scope.clone();
        self.scope.iter_mut().for_each(|known| known.2 = false);
        // The tasks of the body have ended when it runs.
        let tasks = std::mem::take(&mut self.tasks);
        self.block(depth, true);
        (self.scope, self.tasks) = (scope, tasks);
        self.line(depth, "}");
    }

    fn saga(&mut self, depth: usize) {
        self.line(depth, "try {");
        self.line(depth + 1, "saga {");
        let known = self.scope.len();
        for _ in 0..self.random.random_range(1..3) {
            let (name, value) = (self.fresh(), self.expr(Type::Int, 1));
            let undo = self.pick(&["nothing()", "number(count)", "ask(1)"]);
            self.line(depth + 2, &format!("let {name} = number({value}) undo {undo}"));
            self.scope.push((name.clone(), Type::Int, false));
            self.line(depth + 2, &format!("text(\"{{{name}}}\") undo number({name})"));
        }
        if self.random.random_bool(0.5) {
            let item = self.fresh();
            self.line(depth + 2, &format!("parallel for {item} in [3, 4] {{ number({item}) undo number({item}) }}"));
        }
        self.block(depth + 1, true);
        if self.random.random_bool(0.6) {
            self.line(depth + 2, "if count > 3 { throw Refused(count) }");
        }
        self.scope.truncate(known);
        self.line(depth + 1, "}");
        self.line(depth, "} catch Refused as e {");
        self.line(depth + 1, "log.info(\"{e.code}\")");
        self.line(depth, "} catch CompensationFailed as e {");
        self.line(depth + 1, "log.info(e.message)");
        self.line(depth, "}");
    }

    fn world(&mut self, depth: usize) {
        let name = self.fresh();
        let text = self.pick(&[
            "\"{uuid().length()}\"",
            "\"{random() >= 0.0}\"",
            "\"{now() > now() - 1s}\"",
            "\"{run.workflow_id.length() > 0}\"",
            "\"{history.is_large}\"",
        ]);
        let line = format!("let {name} = {text}");
        self.line(depth, &line);
        self.scope.push((name, Type::String, false));
    }

    /// An expression of a type, at most `depth` deep.
    fn expr(&mut self, ty: Type, depth: usize) -> String {
        let known: Vec<String> = self.scope.iter().filter(|v| v.1 == ty).map(|v| v.0.clone()).collect();
        if !known.is_empty() && self.random.random_bool(0.35) {
            return known[self.random.random_range(0..known.len())].clone();
        }
        if depth == 0 {
            return self.literal(ty);
        }
        let (d, roll) = (depth - 1, self.random.random_range(0..10));
        match (ty, roll) {
            (_, 0..=2) => self.literal(ty),
            (Type::Int, 3) => format!("({} + {}) % 1000", self.expr(ty, d), self.expr(ty, d)),
            (Type::Int, 4) => format!("twice({})", self.expr(ty, d)),
            (Type::Int, 5) => format!("({}).sum() % 1000", self.expr(Type::Ints, d)),
            (Type::Int, 6) => format!("({} ?? {})", self.maybe(d), self.expr(ty, d)),
            (Type::Int, 7) => format!("({}).length()", self.expr(Type::String, d)),
            (Type::Int, 8) => format!("apply({}, k => (k - 3) % 100)", self.expr(ty, d)),
            (Type::Int, _) => {
                format!("({}).x % 1000 - ({}).0 / 3", self.expr(Type::Point, d), self.expr(Type::Pair, d))
            }
            (Type::Bool, 3) => format!("{} < {}", self.expr(Type::Int, d), self.expr(Type::Int, d)),
            (Type::Bool, 4) => format!("{} == {}", self.expr(Type::String, d), self.expr(Type::String, d)),
            (Type::Bool, 5) => format!("({} && !({}))", self.expr(ty, d), self.expr(ty, d)),
            (Type::Bool, 6) => format!("({} || {})", self.expr(ty, d), self.expr(ty, d)),
            (Type::Bool, 7) => format!("{} in {}", self.expr(Type::Int, d), self.expr(Type::Ints, d)),
            (Type::Bool, 8) => format!("{} <= {}", self.expr(Type::Decimal, d), self.expr(Type::Int, d)),
            (Type::Bool, 9) if d > 0 => match self.random.random_range(0..4) {
                0 => format!("float({}) < float({})", self.expr(Type::Float, d), self.expr(Type::Float, d)),
                1 => format!("{} < {}", self.expr(Type::String, d), self.expr(Type::String, d)),
                2 => format!("{} != {}", self.expr(Type::Point, d), self.expr(Type::Point, d)),
                _ => format!("!({})", self.expr(ty, d)),
            },
            (Type::Bool, _) => format!("{} == {}", self.expr(Type::Point, d), self.expr(Type::Point, d)),
            (Type::String, 3..=4) => format!("\"a{{{}}}b{{{}}}\"", self.simple(), self.simple()),
            (Type::String, 5) => format!("({}).upper()", self.expr(ty, d)),
            (Type::String, 6) => format!("({}).join(\"-\")", self.expr(Type::Strings, d)),
            (Type::String, 7) => format!("describe({})", self.expr(Type::Shape, d)),
            (Type::String, 8) => format!("({}).label", self.expr(Type::Point, d)),
            (Type::String, _) => format!("({}).to_string()", self.expr(Type::Int, d)),
            (Type::Decimal, 3..=4) => format!("({} * {})", self.literal(ty), self.expr(Type::Int, d)),
            (Type::Decimal, 5..=6) => format!("({} + {})", self.expr(ty, d), self.literal(ty)),
            (Type::Decimal, 7) => format!("-({} / 4.0)", self.expr(ty, d)),
            (Type::Decimal, _) => format!("({}).round(1)", self.expr(ty, d)),
            (Type::Float, 3) => format!("(-({}) - {})", self.expr(ty, d), self.literal(ty)),
            (Type::Float, 4) => format!("(({}) / 2.5 % 7.5)", self.expr(ty, d)),
            (Type::Float, 5..=6) => format!("({} * 0.5 + {})", self.expr(ty, d), self.literal(ty)),
            (Type::Float, _) => format!("float({}).abs().sqrt().floor()", self.expr(ty, d)),
            (Type::Duration, 3..=6) => format!("({} + {})", self.expr(ty, d), self.literal(ty)),
            (Type::Duration, _) => format!("({} * 2)", self.literal(ty)),
            (Type::Ints, 3) => format!("({}).map(k => (k * 3 + {}) % 100)", self.expr(ty, d), self.expr(Type::Int, 0)),
            (Type::Ints, 4) => format!("({}).filter(k => k % 2 == 0)", self.expr(ty, d)),
            (Type::Ints, 5) => format!("({}).concat({}).take(8)", self.expr(ty, d), self.expr(ty, d)),
            (Type::Ints, 6) => format!("({}).sort().reverse().distinct()", self.expr(ty, d)),
            (Type::Ints, 7) => format!("({}).values()", self.expr(Type::Map, d)),
            (Type::Ints, _) => format!("({}).sort_by(k => -k).drop(1)", self.expr(ty, d)),
            (Type::Strings, 3..=4) => format!("({}).map(k => \"s{{k}}\")", self.expr(Type::Ints, d)),
            (Type::Strings, 5..=6) => format!("({}).keys()", self.expr(Type::Map, d)),
            (Type::Strings, _) => format!("({}).split(\",\")", self.expr(Type::String, d)),
            (Type::Map, 3..=5) => {
                format!("({}).set({}, {})", self.expr(ty, d), self.expr(Type::String, d), self.expr(Type::Int, d))
            }
            (Type::Map, _) => format!("({}).remove({})", self.expr(ty, d), self.expr(Type::String, d)),
            (Type::Point, 3..=6) => format!(
                "Point({}, {}, label: {})",
                self.expr(Type::Int, d),
                self.expr(Type::Int, d),
                self.expr(Type::String, d)
            ),
            (Type::Shape, 3..=4) => format!("Circle({})", self.expr(Type::Int, d)),
            (Type::Shape, 5..=7) => format!("Box({}, {})", self.expr(Type::Int, d), self.expr(Type::String, d)),
            (Type::MaybeInt, 3..=4) => format!("({}).get({})", self.expr(Type::Map, d), self.expr(Type::String, d)),
            (Type::MaybeInt, 5) => format!("({}).first()", self.expr(Type::Ints, d)),
            (Type::MaybeInt, 6) => format!("({}).parse_int()", self.expr(Type::String, d)),
            (Type::MaybeInt, _) => format!("({}).find(k => k > {})", self.expr(Type::Ints, d), self.expr(Type::Int, 0)),
            (Type::Pair, 3..=6) => format!("({}, {})", self.expr(Type::Int, d), self.expr(Type::String, d)),
            (Type::Set, 3..=6) => format!("({}).to_set()", self.expr(Type::Ints, d)),
            (Type::Set, _) => format!("({}).add({})", self.expr(ty, d), self.expr(Type::Int, d)),
            _ => self.literal(ty),
        }
    }

    /// An optional that is not plainly one or the other: a literal needs no `??`, and the compiler says so.
    fn maybe(&mut self, depth: usize) -> String {
        match self.expr(Type::MaybeInt, depth).as_str() {
            "none" => "([1]).drop(1).first()".into(),
            "7" => "([7]).first()".into(),
            other => other.to_owned(),
        }
    }

    /// What stands well in a string hole: a name if there is one.
    fn simple(&mut self) -> String {
        let known: Vec<String> = self.scope.iter().filter(|v| v.1 != Type::MaybeInt).map(|v| v.0.clone()).collect();
        match known.len() {
            0 => "count".into(),
            n => known[self.random.random_range(0..n)].clone(),
        }
    }

    fn literal(&mut self, ty: Type) -> String {
        let n = self.random.random_range(0..40);
        match ty {
            Type::Int => n.to_string(),
            Type::Bool => self.pick(&["true", "false"]).into(),
            Type::String => format!("\"{}\"", self.pick(&["", "a", "b,c", "žluť", "12", "x{{y"])),
            Type::Decimal => format!("{n}.{}", self.pick(&["5", "25", "0", "99"])),
            Type::Float => format!("{n}.5"),
            Type::Duration => format!("{}{}", n + 1, self.pick(&["s", "m", "ms", "h"])),
            Type::Ints => format!("[{n}, {}, {}]", n / 2, 40 - n),
            Type::Strings => format!("[\"k{n}\", \"\"]"),
            Type::Map => format!("[\"a\": {n}, \"k\": 2]"),
            Type::Point => format!("Point({n}, 1, label: \"p\")"),
            Type::Color => self.pick(&["Red", "Green", "Blue"]).into(),
            Type::Shape => "Empty".into(),
            Type::MaybeInt => self.pick(&["none", "7"]).into(),
            Type::Pair => format!("({n}, \"q\")"),
            Type::Set => format!("[{n}, 3].to_set()"),
        }
    }
}

fn annotation(ty: Type) -> &'static str {
    match ty {
        Type::Int => "Int",
        Type::Bool => "Bool",
        Type::String => "String",
        Type::Decimal => "Decimal",
        Type::Float => "Float",
        Type::Duration => "Duration",
        Type::Ints => "List<Int>",
        Type::Strings => "List<String>",
        Type::Map => "Map<String, Int>",
        Type::Point => "Point",
        Type::Color => "Color",
        Type::Shape => "Shape",
        Type::MaybeInt => "Int?",
        Type::Pair => "(Int, String)",
        Type::Set => "Set<Int>",
    }
}
