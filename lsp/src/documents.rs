//! What the client has open: texts as they are being written, which files on disk are not yet.

use std::sync::{Arc, OnceLock};

use tower_lsp::ls_types::TextDocumentContentChangeEvent;
use weft_compiler::syntax::{self, ast};
use weft_compiler::{Diagnostic, FileId};

use crate::proto::{Encoding, Lines};

/// A document at one moment. It never changes: an edit makes another.
#[derive(Debug)]
pub(crate) struct Document {
    /// What the client calls this state of it.
    pub(crate) version: i32,
    /// Its text.
    pub(crate) text: String,
    /// Where its lines begin.
    pub(crate) lines: Lines,
    tree: OnceLock<(ast::File, Vec<Diagnostic>)>,
}

impl Document {
    /// A document as the client opens it.
    pub(crate) fn new(version: i32, text: String) -> Document {
        Document { version, lines: Lines::new(&text), text, tree: OnceLock::new() }
    }

    /// The document after the client's changes, one after the other.
    pub(crate) fn changed(
        &self,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) -> Document {
        let mut text = self.text.clone();
        let mut lines = None;
        for change in changes {
            match change.range {
                None => text = change.text,
                Some(range) => {
                    let known = lines.as_ref().unwrap_or(&self.lines);
                    let at = known.range(&text, range, encoding);
                    text.replace_range(at, &change.text);
                }
            }
            lines = Some(Lines::new(&text));
        }
        Document { version, lines: lines.unwrap_or_else(|| Lines::new(&text)), text, tree: OnceLock::new() }
    }

    /// Its tree and what is wrong with its syntax; read once, by whoever asks first.
    pub(crate) fn tree(&self) -> &(ast::File, Vec<Diagnostic>) {
        self.tree.get_or_init(|| syntax::parse(FileId(0), &self.text))
    }
}

/// A document that is shared with a thread.
pub(crate) type Shared = Arc<Document>;
