//! Compiles the parser, which is C.

fn main() {
    let mut build = cc::Build::new();
    // Nobody steps through tables: without the optimizer they compile in a moment.
    build.std("c11").include("src").file("src/parser.c").file("src/scanner.c").warnings(false).opt_level(1);
    build.compile("tree-sitter-weft");
    println!("cargo:rerun-if-changed=src");
}
