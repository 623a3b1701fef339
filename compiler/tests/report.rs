//! How a diagnostic looks: as text, as JSON, and through miette.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use weft_compiler::diagnostic::{Fix, Sources};
use weft_compiler::source::{FileId, Source, Span};
use weft_compiler::{Diagnostic, syntax};

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

fn span(sources: &[Source], file: u16, needle: &str) -> Span {
    let start = sources[usize::from(file)].text.find(needle).unwrap() as u32;
    Span { file: FileId(file), start, end: start + needle.len() as u32 }
}

fn example() -> (Vec<Source>, Diagnostic) {
    let sources = [
        source("shop/orders.wf", "workflow order() {\n\tquery risk() -> Int = check_fräud(id).score\n}\n"),
        source("fraud.wf", "activity check_fräud(id: String) -> Fraud\n"),
    ];
    let diagnostic =
        Diagnostic::error("WF2001", span(&sources, 0, "check_fräud"), "a query cannot call the activity `check_fräud`")
            .label("schedules work and waits for it")
            .also(span(&sources, 0, "query"), "a query only reads")
            .also(span(&sources, 1, "activity"), "declared here")
            .why("it may run at any moment")
            .help("keep the result in state:\n  pub state fraud: Fraud?")
            .fix(Fix {
                title: "rename".to_owned(),
                edits: vec![(span(&sources, 0, "check_fräud"), "x".to_owned())],
                safe: true,
            });
    (sources.to_vec(), diagnostic)
}

#[test]
fn plain_text_shows_place_reason_and_remedy() {
    let (sources, diagnostic) = example();
    let text = Sources::new(&sources).plain(&diagnostic);
    assert_eq!(
        text,
        "error[WF2001]: a query cannot call the activity `check_fräud`
 --> shop/orders.wf:2:24
2 | \tquery risk() -> Int = check_fräud(id).score
  | \t                      ^^^^^^^^^^^ schedules work and waits for it
 --> shop/orders.wf:2:2
2 | \tquery risk() -> Int = check_fräud(id).score
  | \t^^^^^ a query only reads
 --> fraud.wf:1:1
1 | activity check_fräud(id: String) -> Fraud
  | ^^^^^^^^ declared here
  = why: it may run at any moment
  = help: keep the result in state:
        pub state fraud: Fraud?
  = fix: rename
"
    );
}

#[test]
fn json_counts_lines_and_characters_from_one() {
    let (sources, diagnostic) = example();
    let value = Sources::new(&sources).json(&diagnostic);
    assert_eq!(value["code"], "WF2001");
    assert_eq!(value["severity"], "error");
    assert_eq!(value["file"], "shop/orders.wf");
    let place = ["line", "column", "end_line", "end_column"].map(|k| value[k].as_u64().unwrap());
    assert_eq!(place, [2, 24, 2, 35]);
    assert_eq!(value["related"][1]["file"], "fraud.wf");
    assert_eq!(value["fix"]["edits"][0]["text"], "x");
    assert_eq!(value["fix"]["safe"], true);
    assert_eq!(value["why"], "it may run at any moment");
}

#[test]
fn miette_reads_labels_and_sources() {
    use miette::Diagnostic as _;
    let (sources, diagnostic) = example();
    let sources = Sources::new(&sources);
    let report = sources.report(&diagnostic);
    assert_eq!(report.code().unwrap().to_string(), "WF2001");
    assert_eq!(report.labels().unwrap().count(), 2);
    assert_eq!(report.related().unwrap().count(), 1);
    let label = report.labels().unwrap().next().unwrap();
    let contents = report.source_code().unwrap().read_span(label.inner(), 0, 0).unwrap();
    assert_eq!(contents.name(), Some("shop/orders.wf"));
    assert!(std::str::from_utf8(contents.data()).unwrap().contains("check_fräud"));
    assert!(report.help().unwrap().to_string().contains("why: it may run"));
}

/// The header of a terminal and the JSON say the same column, in characters.
#[test]
fn columns_are_characters_everywhere() {
    use miette::Diagnostic as _;
    let text = "fn a() -> String = \"ñ\"\nfn b() -> String = \"ñ🎉{wrong}\"\n";
    for text in [text.to_owned(), text.replace('🎉', &"🎉".repeat(200))] {
        let sources = [source("a.wf", &text)];
        let diagnostic = Diagnostic::error("WF1001", span(&sources, 0, "wrong"), "cannot find `wrong`");
        let known = Sources::new(&sources);
        let report = known.report(&diagnostic);
        let label = report.labels().unwrap().next().unwrap();
        let contents = report.source_code().unwrap().read_span(label.inner(), 0, 0).unwrap();
        // Of a line that is too long the header says where the part begins that is shown.
        let shown = std::str::from_utf8(contents.data()).unwrap();
        let before = shown.find("wrong").map_or(0, |at| shown[..at].chars().count());
        let json = known.json(&diagnostic);
        assert_eq!(json["line"], contents.line() + 1);
        assert_eq!(json["column"], contents.column() + 1 + before);
    }
}

/// A reason alone is not called help.
#[test]
fn a_reason_without_help_stands_at_the_foot() {
    use miette::Diagnostic as _;
    let sources = [source("a.wf", "fn a() = 1\n")];
    let known = Sources::new(&sources);
    let alone = Diagnostic::error("WF1001", span(&sources, 0, "a"), "wrong").why("because");
    assert!(known.report(&alone).help().is_none());
    assert_eq!(known.report(&alone).footer().unwrap(), "why: because");
    let both = alone.help("do so");
    assert_eq!(known.report(&both).help().unwrap().to_string(), "do so\nwhy: because");
    assert!(known.report(&both).footer().is_none());
}

/// Every diagnostic of broken text can be told, wherever its place is.
#[test]
fn places_at_the_end_of_the_text_are_told() {
    for text in ["workflow", "workflow a() {", "fn a() = \"ä", "fn a() =", "", "\u{feff}fn", "fn a() = 1 +\n\n\n"] {
        let (_, diagnostics) = syntax::parse(FileId(0), text);
        let files = [source("a.wf", text)];
        let sources = Sources::new(&files);
        for diagnostic in &diagnostics {
            assert!(sources.plain(diagnostic).contains("a.wf:"), "{text:?}");
            assert!(sources.json(diagnostic)["line"].is_u64());
        }
    }
}
