//! The thread that compiles while the author writes. It always looks at the newest state; what came in between is skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tower_lsp::ls_types::{Diagnostic, TextEdit, Uri};
use weft_compiler::compile;

use crate::Projects;
use crate::features::actions::Offer;
use crate::proto::{self, Encoding, Lines};
use crate::workspace::{Disk, Overlaid, Snapshot, Workspace, overlay};

/// The workspace, and what wakes the thread when it changes.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    workspace: Mutex<Workspace>,
    changed: Condvar,
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
    // What was said of each file, and which files the project of each had: what nobody says any more is taken back.
    let mut said: BTreeMap<Uri, BTreeSet<Uri>> = BTreeMap::new();
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
            let open = snapshot.open.contains_key(uri);
            let overlaid = overlay(&found, uri, &snapshot.open);
            looked.extend(overlaid.files.iter().map(|(uri, _)| uri.clone()));
            let any_open = overlaid.files.iter().any(|(_, version)| version.is_some());
            let mut now = BTreeSet::new();
            // What nobody looks at any more is not complained of.
            let all = if any_open { look(&overlaid, snapshot.encoding) } else { Vec::new() };
            for Findings { uri, version, all, offers } in all {
                now.insert(uri.clone());
                desk.lock().offer(&uri, version, offers);
                if say(Word::Diagnostics { uri, version, all }).is_err() {
                    return;
                }
            }
            let before = said.insert(uri.clone(), now.clone()).unwrap_or_default();
            for uri in before.difference(&now) {
                if say(Word::Diagnostics { uri: uri.clone(), version: None, all: Vec::new() }).is_err() {
                    return;
                }
            }
            if !open {
                said.remove(uri);
            }
        }
    }
}

/// What was found in a file.
struct Findings {
    uri: Uri,
    version: Option<i32>,
    all: Vec<Diagnostic>,
    offers: Vec<Offer>,
}

/// What the compiler says of each file of a project.
fn look(overlaid: &Overlaid, encoding: Encoding) -> Vec<Findings> {
    let Overlaid { project, files } = overlaid;
    let found = compile(project).diagnostics;
    let lines: Vec<Option<Lines>> = {
        let mut wanted = vec![false; project.sources.len()];
        let spans = found.iter().flat_map(|d| {
            let edits = d.fix.iter().flat_map(|fix| fix.edits.iter().map(|(span, _)| *span));
            std::iter::once(d.span).chain(d.related.iter().map(|(span, _)| *span)).chain(edits)
        });
        spans.for_each(|span| {
            if let Some(wanted) = wanted.get_mut(usize::from(span.file.0)) {
                *wanted = true;
            }
        });
        let sources = project.sources.iter().zip(wanted);
        sources.map(|(source, wanted)| wanted.then(|| Lines::new(&source.text))).collect()
    };
    let place = |span: weft_compiler::Span| {
        let file = usize::from(span.file.0);
        let (text, lines) = (&project.sources.get(file)?.text, lines.get(file)?.as_ref()?);
        Some((files[file].0.clone(), lines.place(text, span.start as usize..span.end as usize, encoding)))
    };
    let mut findings: Vec<Findings> = Vec::with_capacity(files.len());
    findings.extend(files.iter().map(|(uri, version)| Findings {
        uri: uri.clone(),
        version: *version,
        all: Vec::new(),
        offers: Vec::new(),
    }));
    for found in &found {
        let of_file = findings.get_mut(usize::from(found.span.file.0));
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
    findings
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
