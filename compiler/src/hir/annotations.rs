//! Annotations: which there are, and where they stand. What `@name` gives is read in [`World::collect`].

use crate::diagnostic::Diagnostic;
use crate::syntax::ast::{Annotation, Decl, Item, MemberKind};
use crate::types::world::World;
use crate::types::{idle, near, refused};

const KNOWN: [&str; 4] = ["name", "deprecated", "allow", "open"];

/// Reports the annotations that do nothing where they stand.
pub(crate) fn check(world: &World<'_>) {
    for item in world.files.iter().flat_map(|file| &file.items) {
        let on = declared(item);
        for annotation in &item.annotations {
            one(world, annotation, on);
        }
        let Decl::Workflow(workflow) = &item.decl else { continue };
        for member in &workflow.members {
            let on = match member.kind {
                MemberKind::State { .. } => "state",
                MemberKind::Signal { .. } => "a signal",
                MemberKind::Query { .. } => "a query",
                MemberKind::Update { .. } => "an update",
                MemberKind::Missing => continue,
            };
            for annotation in &member.annotations {
                one(world, annotation, on);
            }
        }
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

fn one(world: &World<'_>, annotation: &Annotation, on: &str) {
    let (name, span) = (annotation.name.text.as_str(), annotation.span);
    match name {
        "" => {}
        "name" if matches!(on, "an activity" | "a workflow") => {}
        // Without it the outer world would have to know another name, or would see less than was promised.
        "name" | "open" => world.report(refused(&format!("`@{name}` on {on}"), span)),
        "deprecated" | "allow" => world.report(idle(&format!("`@{name}`"), span)),
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
