//! Gathers docs/errors into a table, so that `weft explain` has the pages wherever the binary goes.

use std::fmt::Write;
use std::path::Path;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let errors = root.join("errors");
    println!("cargo::rerun-if-changed={}", if errors.is_dir() { errors.display() } else { root.display() });
    let mut pages: Vec<_> = std::fs::read_dir(&errors)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e == "md"))
        .filter(|p| p.file_stem().is_some_and(|s| s.to_string_lossy().starts_with("WF")))
        .collect();
    pages.sort();
    let mut table = String::from("&[\n");
    for page in &pages {
        let code = page.file_stem().expect("filtered by its stem").to_string_lossy();
        let page = page.canonicalize().expect("it was just listed");
        writeln!(table, "({code:?}, include_str!({:?})),", page.display().to_string()).expect("a String takes all");
    }
    table.push_str("]\n");
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    std::fs::write(Path::new(&out).join("explain.rs"), table).expect("OUT_DIR can be written");
}
