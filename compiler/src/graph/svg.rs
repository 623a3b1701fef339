//! Graphs as a picture: SVG that needs nothing else, readable on light and on dark ground.

use std::fmt::Write;

use super::layout::{self, Layout, Place, What};
use super::{Graph, NodeKind};

/// Nodes of all graphs of one picture.
pub const NODES_MAX: usize = 2_000;
/// Places of all graphs of one picture: of nodes, of labels, and of ways in the layers that they cross.
pub const PLACES_MAX: usize = 50_000;
/// Columns of a line of text in a node; longer text is broken.
const COLUMNS: usize = 28;
/// Width of a column of text, and the height of a line.
const COLUMN: f64 = 7.4;
const LINE: f64 = 17.0;
/// Between the text of a node and its border.
const PAD_X: f64 = 14.0;
const PAD_Y: f64 = 8.0;
/// Around everything, and between graphs.
const MARGIN: f64 = 24.0;
/// Width above which the next graph stands below.
const ROW_WIDTH: f64 = 1200.0;

const STYLE: &str = "
text { font: 13px ui-sans-serif, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif; text-anchor: middle; fill: #1f2328 }
.label { font-size: 12px; fill: #57606a }
.paper { fill: #ffffff }
.way { fill: none; stroke: #6e7781; stroke-width: 1.3 }
.tip { fill: #6e7781 }
.node { fill: #f6f8fa; stroke: #57606a; stroke-width: 1.3 }
.step { fill: #ddf4ff; stroke: #0969da }
.wait { fill: #fff8c5; stroke: #9a6700 }
.decision { fill: #fbefff; stroke: #8250df }
.end { fill: #dafbe1; stroke: #1a7f37 }
.failure { fill: #ffebe9; stroke: #cf222e }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.label { fill: #9198a1 }
.paper { fill: #0d1117 }
.way { stroke: #8b949e }
.tip { fill: #8b949e }
.node { fill: #161b22; stroke: #8b949e }
.step { fill: #0c2d6b; stroke: #58a6ff }
.wait { fill: #3b2300; stroke: #d29922 }
.decision { fill: #3c1e70; stroke: #bc8cff }
.end { fill: #033a16; stroke: #3fb950 }
.failure { fill: #67060c; stroke: #ff7b72 }
}
";

/// The graphs in one picture; `None` if they have more than [`NODES_MAX`] nodes, or take more than [`PLACES_MAX`]
/// places.
pub fn svg(graphs: &[&Graph]) -> Option<String> {
    if graphs.iter().map(|graph| graph.nodes.len()).sum::<usize>() > NODES_MAX {
        return None;
    }
    let parts: Vec<Graph> = graphs.iter().flat_map(|graph| parts(graph)).collect();
    let (mut body, mut x, mut y) = (String::new(), MARGIN, MARGIN);
    let (mut width, mut row, mut room) = (0.0_f64, 0.0_f64, PLACES_MAX);
    for part in &parts {
        let layout = layout::layout(part, room, |what| size(part, what))?;
        room = room.saturating_sub(layout.places.len());
        if x > MARGIN && x + layout.width > ROW_WIDTH {
            (x, y, row) = (MARGIN, y + row + 2.0 * MARGIN, 0.0);
        }
        // Writing to a String cannot fail.
        let _ = writeln!(body, "<g transform=\"translate({x:.1} {y:.1})\">");
        draw(part, &layout, &mut body);
        body.push_str("</g>\n");
        x += layout.width + 2.0 * MARGIN;
        (width, row) = (width.max(x - MARGIN), row.max(layout.height));
    }
    let (width, height) = (width.max(2.0 * MARGIN), y + row + MARGIN);
    let name = graphs.iter().map(|graph| escaped(&graph.workflow)).collect::<Vec<_>>().join(", ");
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" style=\"max-width: 100%; height: auto\" role=\"img\">\n<title>{name}</title>\n\
         <style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n"
    ))
}

/// A graph for each body: that of the workflow, and those of its handlers.
fn parts(graph: &Graph) -> Vec<Graph> {
    let starts = graph.nodes.iter().enumerate().filter(|(_, node)| node.kind == NodeKind::Start);
    let mut bounds: Vec<usize> = starts.map(|(number, _)| number).collect();
    bounds.push(graph.nodes.len());
    let part = |bounds: &[usize]| {
        let (from, to) = (bounds[0], bounds[1]);
        let inside = |number: usize| (from..to).contains(&number);
        let edges = graph.edges.iter().filter(|edge| inside(edge.from) && inside(edge.to));
        let edges = edges.map(|edge| super::Edge { from: edge.from - from, to: edge.to - from, ..edge.clone() });
        Graph { workflow: graph.workflow.clone(), nodes: graph.nodes[from..to].to_vec(), edges: edges.collect() }
    };
    bounds.windows(2).map(part).collect()
}

/// Columns of a text; those of other scripts are wider.
fn columns(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

/// A text in lines, broken at spaces where it can be.
fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_inclusive([' ', '.', '(', ',']) {
        if !line.is_empty() && columns(&line) + columns(word.trim_end()) > COLUMNS {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            if columns(&line) >= COLUMNS {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines.into_iter().map(|line| line.trim().to_owned()).collect()
}

fn size(graph: &Graph, what: What) -> (f64, f64) {
    let (text, pad) = match what {
        What::Node(node) => {
            (&graph.nodes[node].label, if slanted(graph.nodes[node].kind) { PAD_X + 8.0 } else { PAD_X })
        }
        What::Label(edge) => (&graph.edges[edge].label, 3.0),
        What::Bend => return (0.0, 0.0),
    };
    let lines = lines(text);
    let widest = lines.iter().map(|line| columns(line)).max().unwrap_or(0) as f64;
    let pad_y = if matches!(what, What::Node(_)) { PAD_Y } else { 0.0 };
    ((widest * COLUMN + 2.0 * pad).max(if pad_y > 0.0 { 60.0 } else { 0.0 }), lines.len() as f64 * LINE + 2.0 * pad_y)
}

/// Whether the sides of a shape take room from its text.
fn slanted(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::Wait | NodeKind::Decision | NodeKind::Failure)
}

fn draw(graph: &Graph, layout: &Layout, out: &mut String) {
    for way in &layout.ways {
        draw_way(layout, way, out);
    }
    for place in &layout.places {
        match place.what {
            What::Node(number) => {
                let node = &graph.nodes[number];
                shape(node.kind, place, out);
                text(&node.label, place, "", out);
            }
            What::Label(number) => {
                let Place { x, y, width, height, .. } = place;
                let left = x - width / 2.0;
                let _ = writeln!(
                    out,
                    "<rect class=\"paper\" x=\"{left:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
                );
                text(&graph.edges[number].label, place, " class=\"label\"", out);
            }
            What::Bend => {}
        }
    }
}

fn text(text: &str, place: &Place, class: &str, out: &mut String) {
    let lines = lines(text);
    let top = place.y + (place.height - lines.len() as f64 * LINE) / 2.0 + 12.5;
    for (number, line) in lines.iter().enumerate() {
        let y = top + number as f64 * LINE;
        let _ = writeln!(out, "<text{class} x=\"{:.1}\" y=\"{y:.1}\">{}</text>", place.x, escaped(line));
    }
}

fn shape(kind: NodeKind, place: &Place, out: &mut String) {
    let (left, right) = (place.x - place.width / 2.0, place.x + place.width / 2.0);
    let (top, bottom, middle) = (place.y, place.y + place.height, place.y + place.height / 2.0);
    let mut rect = |class: &str, round: f64, inset: f64| {
        let _ = writeln!(
            out,
            "<rect class=\"node {class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{round:.1}\"/>",
            left + inset,
            top + inset,
            place.width - 2.0 * inset,
            place.height - 2.0 * inset
        );
    };
    let points = match kind {
        NodeKind::Start => return rect("", place.height / 2.0, 0.0),
        NodeKind::End => return rect("end", place.height / 2.0, 0.0),
        NodeKind::Step => return rect("step", 4.0, 0.0),
        NodeKind::Fork => {
            rect("", 2.0, 0.0);
            return rect("", 1.0, 3.0);
        }
        NodeKind::Wait => vec![(left + 10.0, top), (right, top), (right - 10.0, bottom), (left, bottom)],
        NodeKind::Decision => vec![
            (left + 12.0, top),
            (right - 12.0, top),
            (right, middle),
            (right - 12.0, bottom),
            (left + 12.0, bottom),
            (left, middle),
        ],
        NodeKind::Failure => vec![
            (left + 8.0, top),
            (right - 8.0, top),
            (right, top + 8.0),
            (right, bottom - 8.0),
            (right - 8.0, bottom),
            (left + 8.0, bottom),
            (left, bottom - 8.0),
            (left, top + 8.0),
        ],
    };
    let class = match kind {
        NodeKind::Wait => "wait",
        NodeKind::Decision => "decision",
        _ => "failure",
    };
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(out, "<polygon class=\"node {class}\" points=\"{}\"/>", points.join(" "));
}

/// A way through its places, with the tip at its end.
fn draw_way(layout: &Layout, way: &[usize], out: &mut String) {
    let (first, last) = (&layout.places[way[0]], &layout.places[way[way.len() - 1]]);
    if way[0] == way[way.len() - 1] {
        // A loop without anything in it.
        let (x, y) = (first.x + first.width / 2.0, first.y + first.height / 2.0);
        let _ = writeln!(out, "<path class=\"way\" d=\"M{:.1} {:.1} c18 -4 18 -14 6 -18\"/>", x - 2.0, y);
        return;
    }
    let up = first.y > last.y;
    let end = |place: &Place, leaving: bool| {
        let bottom = leaving != up;
        (place.x, if bottom { place.y + place.height } else { place.y })
    };
    let mut points = vec![end(first, true)];
    for at in &way[1..way.len() - 1] {
        let place = &layout.places[*at];
        let (top, bottom) = ((place.x, place.y), (place.x, place.y + place.height));
        let (enter, leave) = if up { (bottom, top) } else { (top, bottom) };
        points.push(enter);
        if enter != leave {
            points.push(leave);
        }
    }
    let tip = end(last, false);
    let back = if up { 7.0 } else { -7.0 };
    points.push((tip.0, tip.1 + back));
    let mut path = format!("M{:.1} {:.1}", points[0].0, points[0].1);
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        if (x0 - x1).abs() < 0.5 {
            let _ = write!(path, " L{x1:.1} {y1:.1}");
        } else {
            let middle = (y0 + y1) / 2.0;
            let _ = write!(path, " C{x0:.1} {middle:.1} {x1:.1} {middle:.1} {x1:.1} {y1:.1}");
        }
    }
    let _ = writeln!(out, "<path class=\"way\" d=\"{path}\"/>");
    let _ = writeln!(
        out,
        "<polygon class=\"tip\" points=\"{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}\"/>",
        tip.0,
        tip.1,
        tip.0 - 4.0,
        tip.1 + back * 1.2,
        tip.0 + 4.0,
        tip.1 + back * 1.2
    );
}

/// Text in XML: characters with a meaning are entities, and those that XML forbids are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
