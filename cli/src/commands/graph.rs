//! `weft graph`: the control flow of workflows, as a picture or as text that others draw.

use serde_json::json;
use weft_compiler::graph::{self, Graph};

use crate::compile::Stream;
use crate::exit::{Exit, Failed, Outcome};
use crate::options::{GraphFormat, GraphOf};
use crate::project;
use crate::view::diagnostics;

use super::Context;

/// Prints the graph of a workflow, or of all.
pub(crate) fn graph(context: &Context, options: &GraphOf) -> Outcome {
    let found = project::load(&options.path)?;
    let graphs = match graph::graphs(&found.project) {
        Ok(graphs) => graphs,
        Err(errors) => {
            diagnostics::show(&context.out, &found.project, &errors, Stream::Talk)?;
            return Ok(Exit::Program);
        }
    };
    let chosen: Vec<&Graph> = match &options.workflow {
        None => graphs.iter().collect(),
        Some(name) => graphs.iter().filter(|graph| graph.workflow == *name).collect(),
    };
    if let (Some(name), true) = (&options.workflow, chosen.is_empty()) {
        let names: Vec<&str> = graphs.iter().map(|graph| graph.workflow.as_str()).collect();
        let help = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
        return Err(Failed::new(Exit::Refused, "workflow_not_found", format!("no workflow `{name}` in this project"))
            .help(help));
    }
    if options.format == GraphFormat::Svg && !context.out.json {
        // One document holds one picture.
        return context.out.data(&picture(&chosen)?).map(|()| Exit::Done);
    }
    for graph in chosen {
        let drawn = match options.format {
            GraphFormat::Mermaid => graph.mermaid(),
            GraphFormat::Dot => graph.dot(),
            GraphFormat::Svg => picture(&[graph])?,
        };
        if context.out.json {
            context.out.value(&json!({ "workflow": graph.workflow, "graph": drawn }))?;
        } else {
            context.out.data(&drawn)?;
        }
    }
    Ok(Exit::Done)
}

fn picture(graphs: &[&Graph]) -> Result<String, Failed> {
    graph::svg(graphs).ok_or_else(|| {
        let what = format!(
            "a picture has at most {} nodes, and {} places for nodes, labels and the bends of ways; this one would have more",
            graph::NODES_MAX,
            graph::PLACES_MAX
        );
        Failed::new(Exit::Refused, "graph_nodes_max", what).help("name one workflow, or use --format dot")
    })
}
