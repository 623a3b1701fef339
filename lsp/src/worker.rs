//! The thread that compiles while the author writes. It always looks at the newest state; what came in between is skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tower_lsp::ls_types::{Diagnostic, TextEdit, Uri};
use weft_compiler::{Indexed, compile_indexed};

use crate::Projects;
use crate::features::actions::Offer;
use crate::findings::Findings;
use crate::proto::{self, Encoding};
use crate::workspace::{Disk, Overlaid, Snapshot, Workspace, overlay};

/// How long a request waits for its document to be looked at, before it is answered from what is known of an older state.
const LOOK_WAIT: Duration = Duration::from_secs(2);

/// The workspace, what wakes the thread when it changes, and what wakes requests when it was looked at.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    workspace: Mutex<Workspace>,
    changed: Condvar,
    looked: watch::Sender<()>,
}

impl Desk {
    /// The workspace; to be held shortly, and never across an `.await`.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Workspace> {
        self.workspace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the workspace has changed.
    pub(crate) fn hand_off(&self) {
        self.changed.notify_all();
    }

    /// What is known of the project of a document: of its newest state, if that does not take too long.
    pub(crate) async fn known(&self, uri: &Uri) -> Option<Arc<Findings>> {
        let mut looked = self.looked.subscribe();
        let newest = async {
            loop {
                let (known, open) = {
                    let workspace = self.lock();
                    (workspace.known(uri), workspace.document(uri).is_some())
                };
                match known {
                    Some((findings, true)) => return Some(findings),
                    _ if !open => return None,
                    _ => {}
                }
                if looked.changed().await.is_err() {
                    return None;
                }
            }
        };
        match tokio::time::timeout(LOOK_WAIT, newest).await {
            Ok(found) => found,
            Err(_) => self.lock().known(uri).map(|(findings, _)| findings),
        }
    }

    fn wait(&self) -> Snapshot {
        let mut workspace = self.lock();
        loop {
            if let Some(snapshot) = workspace.take() {
                return snapshot;
            }
            workspace = self.changed.wait(workspace).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What the client is told.
#[derive(Debug)]
pub(crate) enum Word {
    /// All there is to say of a file.
    Diagnostics { uri: Uri, version: Option<i32>, all: Vec<Diagnostic> },
    /// Something that concerns no place of an open file.
    Trouble(String),
}

/// Compiles for as long as somebody listens.
pub(crate) fn run(desk: &Desk, projects: &dyn Projects, say: &dyn Fn(Word) -> Result<(), ()>) {
    let mut disk = Disk::default();
    // Of which files of each project something was said: what nobody says any more is taken back.
    let mut said: BTreeMap<PathBuf, BTreeSet<Uri>> = BTreeMap::new();
    loop {
        let snapshot = desk.wait();
        if snapshot.stale {
            disk.forget();
        }
        let mut looked: BTreeSet<Uri> = BTreeSet::new();
        for uri in &snapshot.dirty {
            // Another document of a project that was looked at just now.
            if looked.contains(uri) {
                continue;
            }
            let (found, trouble) = disk.project_of(uri, projects);
            if let Some(why) = trouble
                && say(Word::Trouble(why)).is_err()
            {
                return;
            }
            let overlaid = overlay(&found, uri, &snapshot.open);
            looked.extend(overlaid.files.iter().map(|(uri, _)| uri.clone()));
            let any_open = overlaid.files.iter().any(|(_, version)| version.is_some());
            let mut now = BTreeSet::new();
            // What nobody looks at any more is not complained of.
            let mut all = Vec::new();
            if any_open {
                let (found, findings) = look(overlaid, snapshot.encoding);
                desk.lock().know(&Arc::new(findings));
                desk.looked.send_replace(());
                all = found;
            }
            for Found { uri, version, all, offers } in all {
                now.insert(uri.clone());
                desk.lock().offer(&uri, version, offers);
                if say(Word::Diagnostics { uri, version, all }).is_err() {
                    return;
                }
            }
            let before = said.remove(&found.place()).unwrap_or_default();
            for uri in before.difference(&now) {
                if say(Word::Diagnostics { uri: uri.clone(), version: None, all: Vec::new() }).is_err() {
                    return;
                }
            }
            if any_open {
                said.insert(found.place(), now);
            }
        }
    }
}

/// What was found in a file.
struct Found {
    uri: Uri,
    version: Option<i32>,
    all: Vec<Diagnostic>,
    offers: Vec<Offer>,
}

/// What the compiler says of each file of a project, and what it knows of it.
fn look(Overlaid { project, files }: Overlaid, encoding: Encoding) -> (Vec<Found>, Findings) {
    let Indexed { diagnostics: found, index } = compile_indexed(&project);
    let findings = Findings::new(project, files, index, encoding);
    let place = |span: weft_compiler::Span| findings.location(span).map(|place| (place.uri, place.range));
    let files = findings.files();
    let mut all: Vec<Found> = files
        .map(|file| Found { uri: file.uri.clone(), version: file.version, all: Vec::new(), offers: Vec::new() })
        .collect();
    for found in &found {
        let of_file = all.get_mut(usize::from(found.span.file.0));
        if let (Some(of_file), Some(diagnostic)) = (of_file, proto::diagnostic(found, &place)) {
            if let Some(fix) = &found.fix {
                let edits = fix.edits.iter().filter_map(|(span, text)| {
                    let (uri, range) = place(*span)?;
                    Some((uri, TextEdit { range, new_text: text.clone() }))
                });
                let (diagnostic, title, edits) = (diagnostic.clone(), fix.title.clone(), edits.collect());
                of_file.offers.push(Offer { diagnostic, title, edits, safe: fix.safe });
            }
            of_file.all.push(diagnostic);
        }
    }
    (all, findings)
}

/// Starts the thread. It ends when nobody listens any more, at the latest with the process.
pub(crate) fn start(
    desk: Arc<Desk>,
    projects: Arc<dyn Projects>,
    say: impl Fn(Word) -> Result<(), ()> + Send + 'static,
) -> std::io::Result<()> {
    let builder = std::thread::Builder::new().name("analysis".into());
    builder.spawn(move || run(&desk, &*projects, &say)).map(drop)
}
