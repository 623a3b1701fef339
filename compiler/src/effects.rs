//! What code may do where it stands: pure < read < write < wait, which errors may leave it, and where
//! a patch must say when it is decided.
//!
//! The kind of a declaration fixes its ceiling; nothing here changes the tree.

use crate::diagnostic::Diagnostic;
use crate::hir::program::Program;
use crate::types::world::World;

mod awaited;
mod endless;
mod level;
mod patches;
mod tasks;
mod throws;
mod waits;

/// Checks every body of a project.
pub(crate) fn check(world: &World<'_>, program: &Program) {
    // What is made of a declaration with type parameters does what the declaration does.
    for function in &program.functions[..world.functions.len()] {
        level::check(world, function, &[]);
        tasks::check(world, function);
        throws::check(world, function);
        endless::check(world, function);
    }
    for workflow in &program.workflows {
        let states: Vec<&str> = workflow.states.iter().map(|s| s.name.as_str()).collect();
        let handlers = workflow.signals.iter().filter_map(|s| s.handler.as_ref());
        let queries = workflow.queries.iter().map(|q| &q.function);
        let updates = workflow.updates.iter().flat_map(|u| u.check.iter().chain([&u.body]));
        for function in [&workflow.init, &workflow.body].into_iter().chain(handlers).chain(queries).chain(updates) {
            level::check(world, function, &states);
            tasks::check(world, function);
            throws::check(world, function);
        }
        waits::check(world, workflow);
        endless::check(world, &workflow.body);
    }
    for test in &program.tests {
        level::check(world, &test.function, &[]);
        throws::check(world, &test.function);
    }
    patches::check(world, program);
}

/// A diagnostic with the reason and the way out.
fn teach(d: Diagnostic, why: &str, help: &str) -> Diagnostic {
    d.why(why).help(help)
}
