//! Words between the author's: types that are not written, and a mark where a call waits.

use tower_lsp::ls_types::{InlayHint, InlayHintKind, InlayHintLabel};
use weft_compiler::FileId;
use weft_compiler::index::What;

use crate::findings::Findings;

/// The hints for names between two bytes of a file.
pub(crate) fn between(findings: &Findings, file: FileId, bytes: std::ops::Range<usize>) -> Option<Vec<InlayHint>> {
    let view = findings.view(file)?;
    let hint = |at: u32, label: String, kind| InlayHint {
        position: view.bytes(at as usize..at as usize).start,
        label: InlayHintLabel::String(label),
        kind,
        text_edits: None,
        tooltip: None,
        padding_left: None,
        padding_right: None,
        data: None,
    };
    let mut hints = Vec::new();
    for (span, declared) in findings.index.names_of(file) {
        if (span.end as usize) < bytes.start || span.start as usize >= bytes.end {
            continue;
        }
        let behind = view.text[span.end as usize..].trim_start();
        match declared.what {
            What::Variable if span == declared.name && !behind.starts_with(':') => {
                if let Some((_, ty)) = declared.head.split_once(": ") {
                    hints.push(hint(span.end, format!(": {ty}"), Some(InlayHintKind::TYPE)));
                }
            }
            What::Activity if span != declared.name && behind.starts_with('(') => {
                hints.push(InlayHint { padding_right: Some(true), ..hint(span.start, "\u{23f8}".to_owned(), None) });
            }
            _ => {}
        }
    }
    Some(hints)
}
