//! `weft lsp`: the language server, for editors. It speaks over stdin and stdout until the editor ends it.

use std::path::Path;
use std::sync::Arc;

use weft_lsp::{Ended, OnDisk, Projects};

use crate::exit::{Exit, Outcome};
use crate::project;

/// Serves one editor.
pub(crate) async fn lsp() -> Outcome {
    let ended = weft_lsp::serve(tokio::io::stdin(), tokio::io::stdout(), Arc::new(Found)).await;
    // The protocol's own rule: 1 if the client did not say `shutdown` first.
    Ok(if ended == Ended::Clean { Exit::Done } else { Exit::EndedOtherwise })
}

/// Projects as every command finds them.
struct Found;

impl Projects for Found {
    fn of(&self, file: &Path) -> Result<OnDisk, String> {
        let found = project::load(file).map_err(|failed| match &failed.help {
            Some(help) => format!("{}: {help}", failed.what),
            None => failed.what.clone(),
        })?;
        Ok(OnDisk { root: found.root, project: found.project })
    }
}
