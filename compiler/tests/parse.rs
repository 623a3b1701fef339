//! The parser on the listings of the language's own guide, and on everything near them.

use weft_compiler::source::FileId;
use weft_compiler::syntax;

#[test]
fn listings_parse_clean() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let (file, diagnostics) = syntax::parse(FileId(0), &text);
        assert_eq!(diagnostics, [], "{}", path.display());
        assert!(!file.items.is_empty());
    }
}
