//! Graphs as text, and what holds for all of them.

use super::*;
use crate::source::Source;

fn graphs_of(text: &str) -> Vec<Graph> {
    let source = Source { path: "w.wf".into(), text: text.into() };
    let project = Project { name: "w".into(), edition: "2026".into(), sources: vec![source], ..Project::default() };
    graphs(&project).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

const ORDER: &str = r#"
error Declined { code: String }
default activity with { queue: "q", timeout: 30s }
activity reserve(id: String) -> Int
activity charge(id: String) throws Declined
activity ship(id: String)

flow pack(id: String) { sleep 1h }
fn twice(n: Int) -> Int = n * 2

workflow order(id: String, lines: List<String>) -> Int throws Declined {
  state approved: Bool?
  signal approve(ok: Bool) { approved = ok }
  let n = twice(reserve(id))
  if n > 3 {
    let ok = wait until approved timeout 2d else false
    if !ok { return 0 }
  }
  try { charge(id) } catch Declined { throw Declined(code: "again") }
  parallel {
    ship(id)
    pack(id)
  }
  for line in lines {
    if line == "stop" { break }
    ship(line)
  }
  return n
}
"#;

#[test]
fn a_workflow_is_what_it_does_waits_for_and_decides() {
    let graphs = graphs_of(ORDER);
    assert_eq!(graphs.len(), 1);
    let expected = r#"flowchart TD
  n0(["order"])
  n1["reserve"]
  n2{"n #62; 3"}
  n3[/"wait until approved"/]
  n4{"!ok"}
  n5(["return 0"])
  n6{"try"}
  n7["charge"]
  n8(("throw Declined(code: #34;again#34;)"))
  n9[["parallel"]]
  n10["ship"]
  n11["flow pack"]
  n12[["all"]]
  n13{"each of lines"}
  n14{"line == #34;stop#34;"}
  n15["ship"]
  n16(["return n"])
"#;
    let drawn = graphs[0].mermaid();
    let (nodes, edges) = drawn.split_at(drawn.find("  n0 -->").expect("there are edges"));
    assert_eq!(nodes, expected, "{drawn}");
    let edges: Vec<&str> = edges.lines().map(str::trim).collect();
    let expected = [
        "n0 --> n1",
        "n1 --> n2",
        "n2 -->|\"yes\"| n3",
        "n3 --> n4",
        "n3 -->|\"after 2d\"| n4",
        "n4 -->|\"yes\"| n5",
        "n4 -->|\"no\"| n6",
        "n2 -->|\"no\"| n6",
        "n6 --> n7",
        "n6 -->|\"on Declined\"| n8",
        "n7 --> n9",
        "n9 --> n10",
        "n9 --> n11",
        "n10 --> n12",
        "n11 --> n12",
        "n12 --> n13",
        "n13 -->|\"next\"| n14",
        "n14 -->|\"no\"| n15",
        "n15 --> n13",
        "n13 -->|\"no more\"| n16",
        "n14 -->|\"yes\"| n16",
    ];
    assert_eq!(edges, expected);
}

/// Of every program of the repository: each node is reached, each edge ends at a node, each way ends somewhere.
#[test]
fn every_node_is_reached_and_left() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace");
    let mut folders = vec![root.join("examples"), root.join("tests/conformance")];
    let mut drawn = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the repository").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|ending| ending != "wf") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a program is text");
            let source = Source { path: "w.wf".into(), text };
            let project = Project { edition: "2026".into(), sources: vec![source], ..Project::default() };
            for graph in graphs(&project).unwrap_or_default() {
                drawn += 1;
                check(&path.display().to_string(), &graph);
            }
        }
    }
    assert!(drawn > 80, "only {drawn} workflows were drawn");
}

fn check(name: &str, graph: &Graph) {
    for (number, node) in graph.nodes.iter().enumerate() {
        let (into, out) = (graph.edges.iter().any(|e| e.to == number), graph.edges.iter().any(|e| e.from == number));
        assert!(into || node.kind == NodeKind::Start, "{name}: nothing leads to {node:?}\n{}", graph.mermaid());
        let last = matches!(node.kind, NodeKind::End | NodeKind::Failure);
        assert!(out != last, "{name}: {node:?}\n{}", graph.mermaid());
    }
    assert!(graph.edges.iter().all(|e| e.from < graph.nodes.len() && e.to < graph.nodes.len()), "{name}");
    picture(name, graph);
}

/// What has a border or a background in a picture, as left, top, right and bottom; in each graph of it by itself.
fn boxes(svg: &str) -> Vec<Vec<[f64; 4]>> {
    let number = |line: &str, name: &str| -> Option<f64> {
        line.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0.parse().ok()
    };
    let of = |line: &str| {
        if line.starts_with("<rect") {
            let (x, y) = (number(line, "x")?, number(line, "y")?);
            return Some([x, y, x + number(line, "width")?, y + number(line, "height")?]);
        }
        let points = line.strip_prefix("<polygon class=\"node")?.split_once("points=\"")?.1.split_once('"')?.0;
        let points: Vec<f64> = points.split([' ', ',']).filter_map(|n| n.parse().ok()).collect();
        let of = |from: usize| points.iter().skip(from).step_by(2).copied();
        let least = |from: usize| of(from).fold(f64::INFINITY, f64::min);
        let most = |from: usize| of(from).fold(f64::NEG_INFINITY, f64::max);
        Some([least(0), least(1), most(0), most(1)])
    };
    svg.split("<g transform").skip(1).map(|part| part.lines().filter_map(of).collect()).collect()
}

/// Nothing lies over anything else, but the inner border of a fork within its outer one.
fn picture(name: &str, graph: &Graph) {
    let svg = svg(&[graph]).expect("it is small enough");
    assert!(!svg.contains("=\"NaN") && !svg.contains("=\"inf"), "{name}");
    let mut seen = 0;
    for part in boxes(&svg) {
        for (n, a) in part.iter().enumerate() {
            seen += 1;
            for b in &part[n + 1..] {
                let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
                let within = a[0] <= b[0] && a[1] <= b[1] && a[2] >= b[2] && a[3] >= b[3];
                assert!(apart || within, "{name}: {a:?} and {b:?}\n{svg}");
            }
        }
    }
    assert!(seen >= graph.nodes.len(), "{name}: {seen} of {} nodes are drawn", graph.nodes.len());
    let words: usize = graph.nodes.iter().map(|node| node.label.chars().filter(|c| c.is_alphanumeric()).count()).sum();
    assert!(svg.len() > words, "{name}");
}

#[test]
fn a_picture_holds_no_markup_of_the_source() {
    let graph = &graphs_of("workflow w(a: String) { if a == \"</text><script>&\\u{1}\\u{7}\" { sleep 1s } }\n")[0];
    let svg = svg(&[graph]).expect("it is small");
    assert!(svg.contains("&lt;script&gt;&amp;") && !svg.contains("<script") && !svg.contains('\u{7}'), "{svg}");
    assert!(svg.contains("prefers-color-scheme: dark") && svg.starts_with("<svg xmlns"), "{svg}");
}

#[test]
fn graphviz_text_keeps_its_quotes() {
    let graph = &graphs_of("workflow w(a: String) { if a == \"x\\\"\\n\" { sleep 1s } }\n")[0];
    let line = graph.dot().lines().find(|line| line.contains("diamond")).map(str::to_owned);
    assert_eq!(line.as_deref(), Some(r#"  n1 [shape=diamond, label="a == \"x\\\"\\n\""]"#));
}

#[test]
fn tasks_and_selects_have_a_way_for_each_source() {
    let graphs = graphs_of(
        r#"
default activity with { queue: "q", timeout: 30s }
activity prepare() -> String
activity note(text: String)

workflow order() -> String {
  signal stop()
  let docs = spawn prepare()
  spawn { note("begun") }
  select {
    receive stop() => return "stopped"
    await docs as text => note(text)
    after 1d => note("late")
  }
  return await docs
}
"#,
    );
    let expected = r##"flowchart TD
  n0(["order"])
  n1[["spawn"]]
  n2["prepare"]
  n3(["end of task"])
  n4[["spawn"]]
  n5["note"]
  n6(["end of task"])
  n7[/"select"/]
  n8(["return #34;stopped#34;"])
  n9["note"]
  n10["note"]
  n11[/"await docs"/]
  n12(["return await docs"])
  n0 --> n1
  n1 -->|"task"| n2
  n2 --> n3
  n1 --> n4
  n4 -->|"task"| n5
  n5 --> n6
  n4 --> n7
  n7 -->|"receive stop()"| n8
  n7 -->|"await docs as text"| n9
  n7 -->|"after 1d"| n10
  n9 --> n11
  n10 --> n11
  n11 --> n12
"##;
    assert_eq!(graphs[0].mermaid(), expected);
}

/// The picture in README.md is that of the program beside it; `BLESS=1` draws it anew.
#[test]
fn the_picture_of_the_readme_is_drawn_by_this() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace");
    let text = std::fs::read_to_string(root.join("examples/first/workflow.wf")).expect("a program is text");
    let drawn = svg(&graphs_of(&text).iter().collect::<Vec<_>>()).expect("it is small");
    let path = root.join("docs/dinner.svg");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &drawn).expect("docs may be written");
    }
    assert_eq!(std::fs::read_to_string(&path).expect("the picture is there"), drawn, "BLESS=1 draws it anew");
}

/// Each `break` has a way past all that comes after it.
fn with_breaks(count: usize) -> String {
    let steps: String = (0..count).map(|n| format!("    a({n})\n    if i == {n} {{ break }}\n")).collect();
    format!(
        "activity a(n: Int) with {{ queue: \"q\", timeout: 1s }}\nworkflow w() {{\n  for i in 0..9 {{\n{steps}  }}\n}}\n"
    )
}

/// What is drawn is bounded by the ways, too, not by the nodes alone.
#[test]
fn ways_across_many_layers_have_a_limit() {
    let graphs = graphs_of(&with_breaks(100));
    assert!(svg(&graphs.iter().collect::<Vec<_>>()).is_some());
    let graphs = graphs_of(&with_breaks(900));
    assert!(graphs[0].nodes.len() <= NODES_MAX, "{} nodes", graphs[0].nodes.len());
    assert!(svg(&graphs.iter().collect::<Vec<_>>()).is_none());
}
