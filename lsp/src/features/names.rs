//! What a name means: hover, its declaration, everywhere it stands.

use tower_lsp::ls_types::{
    DocumentHighlight, DocumentHighlightKind, Hover, HoverContents, Location, MarkupContent, MarkupKind,
    SymbolInformation, SymbolKind,
};
use weft_compiler::index::{Declared, What};

use crate::findings::{Findings, Place};

/// Symbols of a workspace that are told at most; who looks for one types more of its name.
const SYMBOLS_MAX: usize = 500;

/// What is said of a name, or of the value of the expression around.
pub(crate) fn hover(place: Place<'_>) -> Option<Hover> {
    let (span, text) = match place.named() {
        Some((span, declared)) => (span, describe(declared)),
        None => {
            let (span, ty) = place.findings.index.type_at(place.file, place.offset)?;
            // Of something long, its type explains nothing at the cursor.
            if place.findings.text(span).contains('\n') {
                return None;
            }
            (span, format!("```wf\n{ty}\n```"))
        }
    };
    let value = MarkupContent { kind: MarkupKind::Markdown, value: text };
    Some(Hover { contents: HoverContents::Markup(value), range: place.findings.range(span) })
}

fn describe(declared: &Declared) -> String {
    let mut text = format!("```wf\n{}\n```", declared.head);
    let waits = match declared.what {
        What::Activity => {
            "A call is a durable wait: it is in the log before the work begins, and is not made again after a crash."
        }
        What::Workflow => "Called in a workflow, it is a child: canceled with its parent.",
        What::Flow => "May wait.",
        _ => "",
    };
    for part in [waits, &declared.doc] {
        if !part.is_empty() {
            text.push_str("\n\n");
            text.push_str(part);
        }
    }
    text
}

/// Where it is declared.
pub(crate) fn definition(place: Place<'_>) -> Option<Location> {
    let (_, declared) = place.named()?;
    place.findings.location(declared.name)
}

/// Everywhere it stands.
pub(crate) fn references(place: Place<'_>, with_declaration: bool) -> Option<Vec<Location>> {
    let (_, declared) = place.named()?;
    let all = place.findings.index.mentions(declared).into_iter();
    let wanted = all.filter(|span| with_declaration || *span != declared.name);
    Some(wanted.filter_map(|span| place.findings.location(span)).collect())
}

/// Everywhere it stands in the same file.
pub(crate) fn highlights(place: Place<'_>) -> Option<Vec<DocumentHighlight>> {
    let (_, declared) = place.named()?;
    let here = place.findings.index.mentions(declared).into_iter().filter(|span| span.file == place.file);
    let mark = |span| {
        let kind = if span == declared.name { DocumentHighlightKind::WRITE } else { DocumentHighlightKind::READ };
        Some(DocumentHighlight { range: place.findings.range(span)?, kind: Some(kind) })
    };
    Some(here.filter_map(mark).collect())
}

/// What is declared in a project under a name that has these letters in this order.
pub(crate) fn symbols(findings: &Findings, query: &str) -> Vec<SymbolInformation> {
    let local = |what: What| matches!(what, What::Parameter | What::Variable | What::Field);
    let all = findings.index.declared().filter(|declared| !local(declared.what));
    let found = all.filter(|declared| has_letters(findings.text(declared.name), query)).take(SYMBOLS_MAX);
    let symbol = |declared: &Declared| {
        #[allow(deprecated, reason = "the protocol's type has the field")]
        Some(SymbolInformation {
            name: findings.text(declared.name).to_owned(),
            kind: kind(declared.what),
            tags: None,
            deprecated: None,
            location: findings.location(declared.name)?,
            container_name: declared.inside.map(|_| declared.head.split(' ').next().unwrap_or_default().to_owned()),
        })
    };
    found.filter_map(symbol).collect()
}

fn has_letters(name: &str, query: &str) -> bool {
    let mut letters = name.chars().flat_map(char::to_lowercase);
    query.chars().flat_map(char::to_lowercase).all(|wanted| letters.any(|letter| letter == wanted))
}

/// The protocol's word for something declared.
pub(crate) fn kind(what: What) -> SymbolKind {
    match what {
        What::Const => SymbolKind::CONSTANT,
        What::Alias => SymbolKind::INTERFACE,
        What::Record | What::Error => SymbolKind::STRUCT,
        What::Enum => SymbolKind::ENUM,
        What::Variant => SymbolKind::ENUM_MEMBER,
        What::Fn | What::Flow => SymbolKind::FUNCTION,
        What::Workflow => SymbolKind::CLASS,
        What::Activity | What::Query | What::Update => SymbolKind::METHOD,
        What::Schedule | What::Signal => SymbolKind::EVENT,
        What::State | What::Field => SymbolKind::FIELD,
        What::Parameter | What::Variable => SymbolKind::VARIABLE,
    }
}
