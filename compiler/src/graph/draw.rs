//! A graph as text that others draw: Mermaid and Graphviz.

use std::fmt::Write;

use super::{Graph, NodeKind};

impl Graph {
    /// As a Mermaid flowchart (<https://mermaid.js.org/syntax/flowchart.html>).
    pub fn mermaid(&self) -> String {
        let mut out = String::from("flowchart TD\n");
        for (number, node) in self.nodes.iter().enumerate() {
            let (open, close) = match node.kind {
                NodeKind::Start | NodeKind::End => ("([", "])"),
                NodeKind::Step => ("[", "]"),
                NodeKind::Wait => ("[/", "/]"),
                NodeKind::Decision => ("{", "}"),
                NodeKind::Fork => ("[[", "]]"),
                NodeKind::Failure => ("((", "))"),
            };
            let _ = writeln!(out, "  n{number}{open}\"{}\"{close}", mermaid_text(&node.label));
        }
        for edge in &self.edges {
            let label =
                if edge.label.is_empty() { String::new() } else { format!("|\"{}\"|", mermaid_text(&edge.label)) };
            let _ = writeln!(out, "  n{} -->{label} n{}", edge.from, edge.to);
        }
        out
    }

    /// As a Graphviz digraph (<https://graphviz.org/doc/info/lang.html>).
    pub fn dot(&self) -> String {
        let mut out = format!("digraph {} {{\n  node [fontname=\"sans-serif\"]\n", quoted(&self.workflow));
        for (number, node) in self.nodes.iter().enumerate() {
            let shape = match node.kind {
                NodeKind::Start | NodeKind::End => "oval",
                NodeKind::Step => "box",
                NodeKind::Wait => "parallelogram",
                NodeKind::Decision => "diamond",
                NodeKind::Fork => "box, peripheries=2",
                NodeKind::Failure => "octagon",
            };
            let _ = writeln!(out, "  n{number} [shape={shape}, label={}]", quoted(&node.label));
        }
        for edge in &self.edges {
            let label = if edge.label.is_empty() { String::new() } else { format!(" [label={}]", quoted(&edge.label)) };
            let _ = writeln!(out, "  n{} -> n{}{label}", edge.from, edge.to);
        }
        out.push_str("}\n");
        out
    }
}

/// Inside the quotes of Mermaid, characters with a meaning are entities.
fn mermaid_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '<' | '>' | '&' | '#' | '`' | '|' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
