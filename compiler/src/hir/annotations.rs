//! Annotations: which there are, where they stand, and what `@allow` silences. What `@name` and `@deprecated` say is read in
//! `types/world/wire.rs`.

use rustc_hash::FxHashMap;

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Places, Span};
use crate::syntax::ast::{Annotation, Decl, ExprKind, File, Item, MemberKind, Param, StringPart};
use crate::types::world::World;
use crate::types::{idle, near};

const KNOWN: [&str; 4] = ["name", "deprecated", "allow", "open"];

/// Codes that may be warnings: what `@allow` can silence.
pub(crate) const WARNINGS: &[&str] = &[
    "WF0004", "WF0009", "WF0011", "WF1008", "WF1024", "WF3002", "WF3003", "WF3004", "WF3009", "WF3010", "WF3011",
    "WF3012", "WF4008",
];

/// Reports the annotations that do nothing where they stand.
pub(crate) fn check(world: &World<'_>) {
    for item in world.files.iter().flat_map(|file| &file.items) {
        each(item, &mut |annotation, on, _| one(world, annotation, on));
    }
}

/// Each annotation of an item, with what it stands on and the place of that.
fn each<'a>(item: &'a Item, tell: &mut dyn FnMut(&'a Annotation, &'static str, Span)) {
    let on = declared(item);
    item.annotations.iter().for_each(|a| tell(a, on, item.span));
    let mut fields = |fields: &'a [Param]| {
        for field in fields {
            let whole = field.annotations.first().map_or(field.name.span, |a| a.span.to(field.ty.span));
            field.annotations.iter().for_each(|a| tell(a, "a field", whole));
        }
    };
    match &item.decl {
        Decl::Record { fields: own, .. } | Decl::Error { fields: own, .. } => fields(own),
        Decl::Enum { variants, .. } => {
            for variant in variants {
                let last = variant.fields.last().map_or(variant.name.span, |f| f.ty.span);
                let whole = variant.annotations.first().map_or(variant.name.span, |a| a.span.to(last));
                variant.annotations.iter().for_each(|a| tell(a, "a variant", whole));
            }
        }
        Decl::Workflow(workflow) => {
            for member in &workflow.members {
                let on = match member.kind {
                    MemberKind::State { .. } => "state",
                    MemberKind::Signal { .. } => "a signal",
                    MemberKind::Query { .. } => "a query",
                    MemberKind::Update { .. } => "an update",
                    MemberKind::Missing => continue,
                };
                member.annotations.iter().for_each(|a| tell(a, on, member.span));
            }
        }
        _ => {}
    }
}

fn declared(item: &Item) -> &'static str {
    match item.decl {
        Decl::Import { .. } => "an import",
        Decl::Default { .. } => "a `default`",
        Decl::Const { .. } => "a constant",
        Decl::Alias { .. } => "a type alias",
        Decl::Record { .. } => "a record",
        Decl::Error { .. } => "an error",
        Decl::Enum { .. } => "an enum",
        Decl::Fn(_) => "a `fn`",
        Decl::Flow(_) => "a `flow`",
        Decl::Activity { .. } => "an activity",
        Decl::Workflow(_) => "a workflow",
        Decl::Schedule { .. } => "a schedule",
        Decl::Test { .. } => "a test",
        Decl::Missing => "this",
    }
}

/// What has a name that the outer world sees.
const NAMED: [&str; 11] = [
    "an activity",
    "a workflow",
    "a record",
    "an error",
    "an enum",
    "a field",
    "a variant",
    "a signal",
    "a query",
    "an update",
    "state",
];

/// What code of the project uses by name.
const USED: [&str; 14] = [
    "a constant",
    "a type alias",
    "a record",
    "an error",
    "an enum",
    "a variant",
    "a `fn`",
    "a `flow`",
    "an activity",
    "a workflow",
    "state",
    "a signal",
    "a query",
    "an update",
];

fn one(world: &World<'_>, annotation: &Annotation, on: &str) {
    let (name, span) = (annotation.name.text.as_str(), annotation.span);
    match name {
        "" => {}
        "name" if NAMED.contains(&on) => {}
        "name" => {
            let d = Diagnostic::error("WF1023", span, format!("`@name` does nothing on {on}"));
            world.report(d.label("has no name on the wire").help("remove it"));
        }
        "open" if on == "an enum" && annotation.args.is_empty() => {}
        "open" => {
            let (message, label) = match on {
                "an enum" => (String::from("`@open` takes nothing"), "not wanted"),
                on => (format!("`@open` does nothing on {on}"), "has no variants to come"),
            };
            world.report(
                Diagnostic::error("WF1023", span, message).label(label).help("`@open enum Color { Red, Green }`"),
            );
        }
        "deprecated" => deprecated(world, annotation, on),
        "allow" => allow(world, annotation),
        _ => {
            let message = format!("cannot find annotation `@{name}`");
            let d = Diagnostic::error("WF1001", span, message).label("no such annotation");
            world.report(match near(name, KNOWN) {
                Some(near) => d.help(format!("did you mean `@{near}`?")),
                None => d.help("there are `@name(\"..\")`, `@deprecated(\"..\")`, `@allow(\"..\")` and `@open`"),
            });
        }
    }
}

fn deprecated(world: &World<'_>, annotation: &Annotation, on: &str) {
    let span = annotation.span;
    if !annotation.args.is_empty() && crate::types::world::text_of(annotation).is_none() {
        let d = Diagnostic::error("WF1002", span, "`@deprecated` takes one plain string");
        world.report(d.label("expected what to do instead").help("`@deprecated(\"use `total`\")`"));
    } else if !USED.contains(&on) {
        world.report(idle(&format!("`@deprecated` on {on}"), span));
    }
}

/// The codes that an `@allow` gives.
fn codes(annotation: &Annotation) -> impl Iterator<Item = (Option<&str>, Span)> {
    annotation.args.iter().map(|arg| {
        let text = match &arg.value.kind {
            ExprKind::String(lit) => match lit.parts.as_slice() {
                [StringPart::Text(text)] => Some(text.as_str()),
                _ => None,
            },
            _ => None,
        };
        (text, arg.value.span)
    })
}

fn allow(world: &World<'_>, annotation: &Annotation) {
    if annotation.args.is_empty() {
        let d = Diagnostic::error("WF1004", annotation.span, "`@allow` takes the codes of warnings");
        world.report(d.label("which ones?").help("`@allow(\"WF3002\")`"));
    }
    for (code, span) in codes(annotation) {
        let Some(code) = code else {
            let d = Diagnostic::error("WF1002", span, "`@allow` takes codes as plain strings");
            world.report(d.label("not a code").help("`@allow(\"WF3002\")`"));
            continue;
        };
        if WARNINGS.contains(&code) {
            continue;
        }
        if crate::diagnostic::explain(code).is_some() {
            let d = Diagnostic::error("WF1023", span, format!("`{code}` is an error and cannot be allowed"));
            let why = "what is an error could not be run, or not be replayed";
            world.report(d.label("not a warning").why(why).help(format!("mend it: `weft explain {code}`")));
            continue;
        }
        let d = Diagnostic::error("WF1001", span, format!("cannot find diagnostic `{code}`")).label("no such code");
        world.report(match near(code, WARNINGS.iter().copied()) {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None => d.help(format!("warnings are {}", WARNINGS.join(", "))),
        });
    }
}

/// Takes out the warnings that an `@allow` around them silences.
pub(crate) fn silence(files: &[File], diagnostics: &mut Vec<Diagnostic>) {
    let mut allowed: FxHashMap<&str, Vec<Span>> = FxHashMap::default();
    for item in files.iter().flat_map(|file| &file.items) {
        each(item, &mut |annotation, _, whole| {
            if annotation.name.text == "allow" {
                codes(annotation).filter_map(|(code, _)| code).for_each(|code| {
                    allowed.entry(code).or_default().push(whole);
                });
            }
        });
    }
    if allowed.is_empty() {
        return;
    }
    let allowed: FxHashMap<&str, Places> =
        allowed.into_iter().map(|(code, places)| (code, places.into_iter().collect())).collect();
    diagnostics
        .retain(|d| d.severity == Severity::Error || !allowed.get(d.code).is_some_and(|places| places.hold(d.span)));
}
