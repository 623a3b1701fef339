//! The language server: what an editor is told about `.wf` files while they are written.
//!
//! Four rules hold everywhere, because the transport below polls all handlers in one task:
//!
//! 1. A notification takes the lock, changes the documents and hands off before its first `.await`, so that edits are
//!    applied in the order they were sent.
//! 2. What computes runs on threads of its own, over an immutable snapshot; what was found is told with the version it is of.
//! 3. No handler waits for the client: words to it go through a channel that a task of its own empties.
//! 4. The server ends with its input, with `exit`, and with the process that began it.

mod documents;
mod features;
mod findings;
mod proto;
mod server;
mod worker;
mod workspace;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tower_lsp::{LspService, Server};
use weft_compiler::Project;

/// Requests that are worked on at the same time. Those that wait for a thread must not keep out the ones that cancel them.
const REQUESTS_MAX: usize = 256;

/// A project as it is on disk.
#[derive(Debug, Clone)]
pub struct OnDisk {
    /// The folder that the paths of its sources begin in.
    pub root: PathBuf,
    /// What the compiler is given.
    pub project: Project,
}

/// How the project is found that a file belongs to: the same rules as `weft check FILE`.
pub trait Projects: Send + Sync + 'static {
    /// The project of a file, read from disk.
    ///
    /// # Errors
    /// What is wrong with its configuration or its files, for a person to read.
    fn of(&self, file: &Path) -> Result<OnDisk, String>;
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The client said so first (`shutdown`).
    Clean,
    /// It did not: it went away, or said `exit` alone.
    Abrupt,
}

/// Serves one client until it ends the session or is gone.
pub async fn serve(input: impl AsyncRead + Unpin, output: impl AsyncWrite, projects: Arc<dyn Projects>) -> Ended {
    let mut session = None;
    let (service, socket) = LspService::new(|client| {
        let backend = server::Backend::new(client, projects);
        session = Some(backend.session());
        backend
    });
    let serving = Server::new(input, output, socket).concurrency_level(REQUESTS_MAX).serve(service);
    match session {
        Some(session) => {
            tokio::select! {
                () = serving => {}
                () = session.client_gone() => {}
            }
            session.end()
        }
        None => {
            serving.await;
            Ended::Abrupt
        }
    }
}
