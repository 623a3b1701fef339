//! The fixes of diagnostics, as edits that the client makes.

use std::collections::HashMap;

use tower_lsp::ls_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, Diagnostic, Range, TextEdit, Uri, WorkspaceEdit,
};

/// A fix that a diagnostic came with.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    /// What it mends.
    pub(crate) diagnostic: Diagnostic,
    /// What it does, for a menu.
    pub(crate) title: String,
    /// The edits by file.
    pub(crate) edits: Vec<(Uri, TextEdit)>,
    /// Whether it needs no person to look.
    pub(crate) safe: bool,
}

/// What is offered for a range: each fix by itself.
pub(crate) fn at(offers: &[Offer], range: Range) -> Vec<CodeActionOrCommand> {
    let touching = offers.iter().filter(|offer| {
        let place = offer.diagnostic.range;
        place.start <= range.end && range.start <= place.end
    });
    touching.map(|offer| CodeActionOrCommand::CodeAction(action(offer))).collect()
}

fn action(offer: &Offer) -> CodeAction {
    // The protocol's own type; the client orders it anew.
    #[allow(clippy::mutable_key_type, reason = "the key is only mutable through a reference nobody has")]
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for (uri, edit) in &offer.edits {
        changes.entry(uri.clone()).or_default().push(edit.clone());
    }
    CodeAction {
        title: offer.title.clone(),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![offer.diagnostic.clone()]),
        edit: Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }),
        is_preferred: Some(offer.safe),
        ..CodeAction::default()
    }
}
