//! Whether a `match` has an arm for every value, and whether every arm has a value, held against trying all values out.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write;

use weft_compiler::source::Source;
use weft_compiler::{Project, compile};

/// How many random `match`es are tried.
const MATCHES: u64 = 3_000;
/// More values are not tried out.
const VALUES_MAX: usize = 2_000;

const DECLARED: &str = "enum E { A, B(b: Bool), C(x: Bool, y: F) }\nenum F { P, Q(n: Int) }\n";

/// A small generator: what it gives follows from the seed.
struct Random(u64);

impl Random {
    /// SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Type {
    Bool,
    Int,
    E,
    F,
    Maybe(Box<Type>),
    Pair(Box<Type>, Box<Type>),
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Bool(bool),
    Int(i64),
    Variant(&'static str, Vec<Value>),
    None,
    Pair(Box<Value>, Box<Value>),
}

#[derive(Debug, Clone)]
enum Pattern {
    Any,
    Is(Value),
    Variant(&'static str, Vec<Pattern>),
    Pair(Box<Pattern>, Box<Pattern>),
}

struct Arm {
    patterns: Vec<Pattern>,
    guarded: bool,
}

impl Type {
    fn random(random: &mut Random, depth: u64) -> Type {
        match random.below(if depth == 0 { 4 } else { 7 }) {
            0 => Type::Bool,
            1 => Type::Int,
            2 => Type::E,
            3 => Type::F,
            4 => {
                let inner = Type::random(random, depth - 1);
                if matches!(inner, Type::Maybe(_)) { inner } else { Type::Maybe(Box::new(inner)) }
            }
            _ => {
                let (left, right) = (Type::random(random, depth - 1), Type::random(random, depth - 1));
                Type::Pair(Box::new(left), Box::new(right))
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Type::Bool => "Bool".into(),
            Type::Int => "Int".into(),
            Type::E => "E".into(),
            Type::F => "F".into(),
            Type::Maybe(inner) => format!("{}?", inner.name()),
            Type::Pair(left, right) => format!("({}, {})", left.name(), right.name()),
        }
    }

    fn variants(&self) -> Vec<(&'static str, Vec<Type>)> {
        match self {
            Type::E => vec![("A", vec![]), ("B", vec![Type::Bool]), ("C", vec![Type::Bool, Type::F])],
            Type::F => vec![("P", vec![]), ("Q", vec![Type::Int])],
            _ => Vec::new(),
        }
    }

    /// All values; of an Int those that patterns look for and one that none does.
    fn values(&self) -> Vec<Value> {
        match self {
            Type::Bool => vec![Value::Bool(false), Value::Bool(true)],
            Type::Int => (0..4).map(Value::Int).collect(),
            Type::E | Type::F => {
                let of = |(name, fields): (&'static str, Vec<Type>)| {
                    let mut all = vec![Vec::new()];
                    for field in &fields {
                        let values = field.values();
                        let with = |before: &Vec<Value>, value: &Value| {
                            [before.as_slice(), std::slice::from_ref(value)].concat()
                        };
                        all =
                            all.iter().flat_map(|before| values.iter().map(move |value| with(before, value))).collect();
                    }
                    all.into_iter().map(move |fields| Value::Variant(name, fields))
                };
                self.variants().into_iter().flat_map(of).collect()
            }
            Type::Maybe(inner) => [vec![Value::None], inner.values()].concat(),
            Type::Pair(left, right) => {
                let (lefts, rights) = (left.values(), right.values());
                let pair = |a: &Value, b: &Value| Value::Pair(Box::new(a.clone()), Box::new(b.clone()));
                lefts.iter().flat_map(|a| rights.iter().map(move |b| pair(a, b))).collect()
            }
        }
    }

    fn pattern(&self, random: &mut Random) -> Pattern {
        if random.below(4) == 0 {
            return Pattern::Any;
        }
        match self {
            Type::Bool => Pattern::Is(Value::Bool(random.below(2) == 0)),
            Type::Int => Pattern::Is(Value::Int(random.below(3) as i64)),
            Type::E | Type::F => {
                let variants = self.variants();
                let (name, fields) = &variants[random.below(variants.len() as u64) as usize];
                Pattern::Variant(name, fields.iter().map(|field| field.pattern(random)).collect())
            }
            Type::Maybe(_) if random.below(3) == 0 => Pattern::Is(Value::None),
            Type::Maybe(inner) => inner.pattern(random),
            Type::Pair(left, right) => Pattern::Pair(Box::new(left.pattern(random)), Box::new(right.pattern(random))),
        }
    }
}

impl Pattern {
    fn matches(&self, value: &Value) -> bool {
        match (self, value) {
            (Pattern::Any, _) => true,
            (Pattern::Is(wanted), value) => wanted == value,
            (Pattern::Variant(name, fields), Value::Variant(of, values)) => {
                name == of && fields.iter().zip(values).all(|(field, value)| field.matches(value))
            }
            (Pattern::Pair(left, right), Value::Pair(a, b)) => left.matches(a) && right.matches(b),
            _ => false,
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Pattern::Any => out.push('_'),
            Pattern::Is(Value::None) => out.push_str("none"),
            Pattern::Is(Value::Bool(yes)) => write!(out, "{yes}").unwrap(),
            Pattern::Is(Value::Int(n)) => write!(out, "{n}").unwrap(),
            Pattern::Is(other) => panic!("{other:?} is no pattern"),
            Pattern::Variant(name, fields) => {
                out.push_str(name);
                list(fields.iter(), out);
            }
            Pattern::Pair(left, right) => list([&**left, right].into_iter(), out),
        }
    }
}

/// Nothing for none.
fn list<'p>(patterns: impl Iterator<Item = &'p Pattern>, out: &mut String) {
    let mut before = "(";
    for pattern in patterns {
        out.push_str(before);
        pattern.write(out);
        before = ", ";
    }
    if before == ", " {
        out.push(')');
    }
}

#[test]
fn arms_are_missing_and_useless_where_trying_all_values_says_so() {
    let (mut whole, mut missing, mut useless) = (0, 0, 0);
    for seed in 0..MATCHES {
        let mut random = Random(seed);
        let ty = Type::random(&mut random, 2);
        let values = ty.values();
        if values.len() > VALUES_MAX {
            continue;
        }
        let arm = |random: &mut Random| {
            let alternatives = if random.below(4) == 0 { 2 } else { 1 };
            let patterns = (0..alternatives).map(|_| ty.pattern(random)).collect();
            Arm { patterns, guarded: random.below(6) == 0 }
        };
        let arms: Vec<Arm> = (0..1 + random.below(9)).map(|_| arm(&mut random)).collect();

        let mut text = format!("{DECLARED}fn f(x: {}, flag: Bool) -> Int = match x {{\n", ty.name());
        for (n, arm) in arms.iter().enumerate() {
            for (at, pattern) in arm.patterns.iter().enumerate() {
                text.push_str(if at == 0 { "  " } else { " | " });
                pattern.write(&mut text);
            }
            writeln!(text, "{} => {n}", if arm.guarded { " if flag" } else { "" }).unwrap();
        }
        text.push_str("}\n");

        let takes = |arm: &Arm, value: &Value| arm.patterns.iter().any(|pattern| pattern.matches(value));
        let taken = |arms: &[Arm], value: &Value| arms.iter().any(|arm| !arm.guarded && takes(arm, value));
        let lacks = values.iter().any(|value| !taken(&arms, value));
        // An alternative that matches nothing new is useless as well as an arm that does.
        let new = |n: usize, at: usize, value: &Value| {
            !taken(&arms[..n], value) && !arms[n].patterns[..at].iter().any(|before| before.matches(value))
        };
        let is_idle = |n: usize, at: usize| {
            let pattern = &arms[n].patterns[at];
            !values.iter().any(|value| pattern.matches(value) && new(n, at, value))
        };
        let idle = (0..arms.len()).any(|n| (0..arms[n].patterns.len()).any(|at| is_idle(n, at)));
        // Behind an arm for `none`, alternatives stand inside the value that is left, and are judged as a whole.
        let inside = matches!(ty, Type::Maybe(_)) && arms.iter().any(|arm| arm.patterns.len() > 1);

        let sources = vec![Source { path: "cover.wf".into(), text: text.clone() }];
        let project = Project { name: "cover".into(), edition: "2026".into(), sources, ..Project::default() };
        let mut codes: Vec<_> = compile(&project).diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        codes.sort_unstable();
        codes.dedup();
        let mut expected: Vec<&str> =
            [lacks.then_some("WF1005"), idle.then_some("WF3004")].into_iter().flatten().collect();
        if inside && idle {
            codes.retain(|code| *code != "WF3004");
            expected.retain(|code| *code != "WF3004");
        }
        assert_eq!(codes, expected, "seed {seed}:\n{text}");
        (whole, missing, useless) = (whole + u32::from(!lacks), missing + u32::from(lacks), useless + u32::from(idle));
    }
    assert!(whole > 200 && missing > 200 && useless > 200, "{whole} whole, {missing} not, {useless} with useless arms");
}
