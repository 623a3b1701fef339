//! The programs of the language's reference, `tests/reference`: each block as it stands there, beside it a prelude of
//! the declarations that it leaves out, and the modules that it imports from.

use std::path::PathBuf;

use weft_compiler::Source;

/// A program: its name, the other blocks that it speaks about, and its modules by path in the project and file.
type Program = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

const PROGRAMS: &[Program] = &[
    ("onboarding", &[], &[]),
    ("payment", &[], &[]),
    ("dataset", &[], &[]),
    ("purchase_order", &[], &[]),
    ("fulfilment", &[], &[]),
    ("trial", &[], &[]),
    ("versions", &[], &[]),
    ("surface", &["purchase_order/block.wf"], &[("shop/billing.wf", "surface/shop/billing.wf")]),
];

/// Their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().map(|(name, ..)| *name)
}

/// The project of a program: the block with its prelude as one file, and its modules. `None` if there is no such program.
///
/// # Panics
/// If one of its files cannot be read.
pub fn sources(name: &str) -> Option<Vec<Source>> {
    let (_, blocks, modules) = PROGRAMS.iter().find(|(other, ..)| *other == name)?;
    let mut parts = vec![read(&format!("{name}/block.wf")).expect("each program has a block")];
    parts.extend(read(&format!("{name}/prelude.wf")));
    parts.extend(blocks.iter().map(|file| read(file).expect("the blocks are there")));
    let mut sources = vec![Source { path: format!("{name}.wf"), text: parts.join("\n") }];
    for (path, file) in *modules {
        sources.push(Source { path: (*path).to_owned(), text: read(file).expect("its modules are there") });
    }
    Some(sources)
}

fn read(file: &str) -> Option<String> {
    std::fs::read_to_string(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/reference")).join(file)).ok()
}
