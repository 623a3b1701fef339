//! Checked workflow → its control flow as a graph: what it does in the world, what it waits for, where it decides. Pure
//! computation between two such points has no node of its own.

mod draw;
mod layout;
mod svg;
mod walk;

pub use svg::{NODES_MAX, PLACES_MAX, svg};

use crate::analysis::{self, Project};
use crate::diagnostic::{Diagnostic, Severity};
use crate::hir::program::Program;
use crate::source::Span;
use crate::types::world::World;

/// The control flow of one workflow: its body, and each signal handler that is more than an assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// Name of the workflow.
    pub workflow: String,
    /// Nodes; edges name them by index.
    pub nodes: Vec<Node>,
    /// Edges in the order in which the source has them.
    pub edges: Vec<Edge>,
}

/// A point of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What kind of point.
    pub kind: NodeKind,
    /// What is shown.
    pub label: String,
    /// Where it is in the source.
    pub span: Span,
}

/// Kinds of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// Where a body begins.
    Start,
    /// An activity, a child workflow or a flow that is called.
    Step,
    /// A sleep, a wait or a receive.
    Wait,
    /// A condition, a `match`, a loop, a patch or a `try`.
    Decision,
    /// Where branches part or come together.
    Fork,
    /// Where a run ends well.
    End,
    /// Where it ends with an error that nothing here catches.
    Failure,
}

/// A way from one node to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Index of the node it leaves.
    pub from: usize,
    /// Index of the node it enters.
    pub to: usize,
    /// When it is taken; empty if always.
    pub label: String,
}

/// The graphs of a project's workflows, in the order of their declaration.
///
/// # Errors
/// The errors of a project that does not compile.
pub fn graphs(project: &Project) -> Result<Vec<Graph>, Vec<Diagnostic>> {
    analysis::on_deep_stack(|| {
        analysis::front(project, |world: &World<'_>, lowered: &Program, diagnostics| {
            if diagnostics.iter().any(|d| d.severity == Severity::Error) {
                return Err(diagnostics);
            }
            let workflows = world.workflows.iter().zip(&lowered.workflows);
            Ok(workflows.map(|(item, workflow)| walk::workflow(world, &item.wire, workflow)).collect())
        })
    })
}

#[cfg(test)]
mod tests;
