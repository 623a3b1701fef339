//! Another name for something, everywhere. What the world knows by its name keeps that name on the wire.

use std::collections::HashMap;

use tower_lsp::ls_types::{PrepareRenameResponse, TextEdit, Uri, WorkspaceEdit};
use weft_compiler::index::{Declared, What};
use weft_compiler::syntax;
use weft_compiler::{FileId, Span};

use crate::findings::Place;

/// What would be renamed.
pub(crate) fn prepare(place: Place<'_>) -> Option<PrepareRenameResponse> {
    let (span, _) = place.named()?;
    let (range, placeholder) = (place.findings.range(span)?, place.findings.text(span).to_owned());
    Some(PrepareRenameResponse::RangeWithPlaceholder { range, placeholder })
}

/// The edits that rename it.
///
/// # Errors
/// If the new name is no name, for a person to read.
pub(crate) fn rename(place: Place<'_>, new: &str) -> Result<Option<WorkspaceEdit>, String> {
    let Some((_, declared)) = place.named() else { return Ok(None) };
    let old = place.findings.text(declared.name);
    if new == old {
        return Ok(None);
    }
    if !is_name(new) {
        return Err(format!("`{new}` cannot be a name: letters, digits and `_`, no keyword, no digit first"));
    }
    #[allow(clippy::mutable_key_type, reason = "the key is only mutable through a reference nobody has")]
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    let mut edit = |span: Span, new_text: String| {
        if let Some(location) = place.findings.location(span) {
            changes.entry(location.uri).or_default().push(TextEdit { range: location.range, new_text });
        }
    };
    for span in place.findings.index.mentions(declared) {
        edit(span, new.to_owned());
    }
    if let Some((at, text)) = annotation(place, declared, old) {
        edit(at, text);
    }
    Ok(Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }))
}

/// What keeps the old name for those who know it: open runs, clients, workers, stored JSON.
fn annotation(place: Place<'_>, declared: &Declared, old: &str) -> Option<(Span, String)> {
    if !declared.on_wire {
        return None;
    }
    let view = place.findings.view(declared.name.file)?;
    if matches!(declared.what, What::Field | What::Variant) {
        let at = Span { end: declared.name.start, ..declared.name };
        return Some((at, format!("@name(\"{old}\") ")));
    }
    let before = &view.text[..declared.name.start as usize];
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let indent: String = before[line..].chars().take_while(|char| char.is_whitespace()).collect();
    let at = Span { start: line as u32, end: line as u32, ..declared.name };
    Some((at, format!("{indent}@name(\"{old}\")\n")))
}

/// Whether a text can name things: asked of the grammar, which knows what is a keyword where.
fn is_name(text: &str) -> bool {
    let word = text.chars().all(|char| char.is_alphanumeric() || char == '_');
    let tried = format!("fn {text}({text}: Int) -> Int {{\n  let {text} = {text}\n  return {text}\n}}\n");
    word && !text.is_empty() && syntax::parse(FileId(0), &tried).1.is_empty()
}
