//! Prints what the compiler makes of a file: diagnostics, then the listing.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a tool for people who work on the compiler")]

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let text = std::fs::read_to_string(&path).unwrap();
    let project = weft_compiler::Project {
        name: "listing".into(),
        edition: "2026".into(),
        sources: vec![weft_compiler::Source { path, text: text.clone() }],
        ..weft_compiler::Project::default()
    };
    let analysis = weft_compiler::compile(&project);
    for d in &analysis.diagnostics {
        let line = 1 + text[..(d.span.start as usize).min(text.len())].matches('\n').count();
        println!("{:?} {} line {line}: {} | {} | {:?} | {:?}", d.severity, d.code, d.message, d.label, d.why, d.help);
    }
    if let Some(program) = analysis.program {
        println!("{}", program.listing());
    }
}
