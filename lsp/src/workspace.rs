//! Which documents are open and which projects they belong to; what a thread needs to look at one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tower_lsp::ls_types::{TextDocumentContentChangeEvent, Uri};
use weft_compiler::{Project, Source};

use crate::documents::{Document, Shared};
use crate::features::actions::Offer;
use crate::findings::Findings;
use crate::proto::Encoding;
use crate::{OnDisk, Projects};

/// Everything that notifications change. Behind one lock, which nobody holds while computing or waiting.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    /// What a column counts.
    pub(crate) encoding: Encoding,
    /// Whether the client fills in pieces of text with places to jump to.
    pub(crate) snippets: bool,
    /// Whether the client watches files for the server.
    pub(crate) watches: bool,
    open: BTreeMap<Uri, Shared>,
    /// Documents that were changed, opened or closed and not looked at since.
    dirty: BTreeSet<Uri>,
    /// Files changed outside the editor: what is known from disk is to be read again.
    stale: bool,
    /// The fixes of what was found last, and in which version of a document.
    offers: BTreeMap<Uri, (Option<i32>, Vec<Offer>)>,
    /// What is known of the project of each file.
    known: BTreeMap<Uri, Arc<Findings>>,
}

/// What changed, and everything that is open, at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// What a column counts.
    pub(crate) encoding: Encoding,
    /// Open documents.
    pub(crate) open: BTreeMap<Uri, Shared>,
    /// Those that changed, or are open no longer.
    pub(crate) dirty: BTreeSet<Uri>,
    /// Whether the disk is to be read again.
    pub(crate) stale: bool,
}

impl Workspace {
    /// The client opens a document.
    pub(crate) fn open(&mut self, uri: Uri, version: i32, text: String) {
        self.open.insert(uri.clone(), Arc::new(Document::new(version, text)));
        self.dirty.insert(uri);
    }

    /// The client changes one. What is not open is not known, and stays so.
    pub(crate) fn change(&mut self, uri: Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let encoding = self.encoding;
        if let Some(document) = self.open.get_mut(&uri) {
            *document = Arc::new(document.changed(version, changes, encoding));
            self.dirty.insert(uri);
        }
    }

    /// The client closes one: from now on the file says what is in it.
    pub(crate) fn close(&mut self, uri: Uri) {
        if self.open.remove(&uri).is_some() {
            self.offers.remove(&uri);
            self.known.remove(&uri);
            self.dirty.insert(uri);
        }
        self.stale = true;
    }

    /// Files were changed by somebody else.
    pub(crate) fn disk_changed(&mut self) {
        self.stale = true;
        self.dirty.extend(self.open.keys().cloned());
    }

    /// An open document.
    pub(crate) fn document(&self, uri: &Uri) -> Option<Shared> {
        self.open.get(uri).cloned()
    }

    /// Keeps the fixes of what was found in a version of a document.
    pub(crate) fn offer(&mut self, uri: &Uri, version: Option<i32>, offers: Vec<Offer>) {
        self.offers.insert(uri.clone(), (version, offers));
    }

    /// Keeps what is known of a project.
    pub(crate) fn know(&mut self, findings: &Arc<Findings>) {
        for file in findings.files() {
            self.known.insert(file.uri.clone(), findings.clone());
        }
    }

    /// What is known of the project of a document, and whether it is of its newest state.
    pub(crate) fn known(&self, uri: &Uri) -> Option<(Arc<Findings>, bool)> {
        let findings = self.known.get(uri)?;
        let looked = findings.looked(findings.file(uri)?)?;
        let newest = looked.version == self.open.get(uri).map(|document| document.version);
        Some((findings.clone(), newest))
    }

    /// What is known of all projects, each once.
    pub(crate) fn all_known(&self) -> Vec<Arc<Findings>> {
        let mut all: Vec<Arc<Findings>> = Vec::new();
        for findings in self.known.values() {
            if !all.iter().any(|other| Arc::ptr_eq(other, findings)) {
                all.push(findings.clone());
            }
        }
        all
    }

    /// The fixes of what was found in a document as it is now; none while it is looked at again.
    pub(crate) fn offers(&self, uri: &Uri) -> Option<&[Offer]> {
        let (version, offers) = self.offers.get(uri)?;
        (*version == self.open.get(uri).map(|document| document.version)).then_some(offers)
    }

    /// What is to be looked at; nothing if all has been.
    pub(crate) fn take(&mut self) -> Option<Snapshot> {
        if self.dirty.is_empty() {
            return None;
        }
        let (dirty, stale) = (std::mem::take(&mut self.dirty), std::mem::take(&mut self.stale));
        Some(Snapshot { encoding: self.encoding, open: self.open.clone(), dirty, stale })
    }
}

/// A project with the texts of open documents in place of what is on disk.
#[derive(Debug)]
pub(crate) struct Overlaid {
    /// What the compiler is given.
    pub(crate) project: Project,
    /// What each source is to the client, and the version if it is open.
    pub(crate) files: Vec<(Uri, Option<i32>)>,
}

/// What was read from disk.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// The project of each file, as far as one of its files was asked about.
    known: BTreeMap<PathBuf, Arc<OnDisk>>,
    /// What was said of projects that cannot be read, so that it is said once.
    said: BTreeSet<String>,
}

impl Disk {
    /// Forgets what was read.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
        self.said.clear();
    }

    /// The project of a file; a file that has none, or is not on disk, is one alone. What could not be read comes along the
    /// first time.
    pub(crate) fn project_of(&mut self, uri: &Uri, projects: &dyn Projects) -> (Arc<OnDisk>, Option<String>) {
        let Some(path) = path_of(uri) else { return (Arc::new(alone(uri.as_str().into())), None) };
        if let Some(known) = self.known.get(&path) {
            return (known.clone(), None);
        }
        if !path.is_file() {
            return (Arc::new(alone(path)), None);
        }
        let (found, trouble) = match projects.of(&path) {
            Ok(found) => (found, None),
            Err(why) => (alone(path.clone()), self.said.insert(why.clone()).then_some(why)),
        };
        let found = Arc::new(found);
        let sources = found.project.sources.iter().map(|source| found.root.join(&source.path));
        self.known.extend(sources.chain([path]).map(|path| (path, found.clone())));
        (found, trouble)
    }
}

impl OnDisk {
    /// What it is told apart by from others: its folder, or its file if it is one alone, of which a folder may have many.
    pub(crate) fn place(&self) -> PathBuf {
        match self.project.sources.as_slice() {
            [only] => self.root.join(&only.path),
            _ => self.root.clone(),
        }
    }
}

/// The path of a document that is a file.
fn path_of(uri: &Uri) -> Option<PathBuf> {
    let file = uri.scheme().as_str() == "file";
    let path = uri.to_file_path().filter(|_| file)?;
    // The same file by another name is the same file.
    Some(std::fs::canonicalize(&path).unwrap_or_else(|_| path.into_owned()))
}

/// A file that belongs to no project. Its text is that of the document.
fn alone(path: PathBuf) -> OnDisk {
    let name = path.file_name().map_or_else(|| "untitled.wf".into(), |name| name.to_string_lossy().into_owned());
    let root = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let project = Project {
        name: name.trim_end_matches(".wf").to_owned(),
        edition: String::new(),
        sources: vec![Source { path: name, text: String::new() }],
        ..Project::default()
    };
    OnDisk { root, project }
}

/// Puts the texts of open documents over those of the disk. `uri` is the document that the project was found for.
pub(crate) fn overlay(found: &OnDisk, uri: &Uri, open: &BTreeMap<Uri, Shared>) -> Overlaid {
    let mut by_path: BTreeMap<PathBuf, (&Uri, &Shared)> = BTreeMap::new();
    for (uri, document) in open {
        if let Some(path) = path_of(uri) {
            by_path.insert(path, (uri, document));
        }
    }
    let single = found.project.sources.len() == 1;
    let mut project = found.project.clone();
    let files = project.sources.iter_mut().map(|source| {
        let path = found.root.join(&source.path);
        let known = by_path.get(&path).copied();
        // One that is no file on disk.
        let known = known.or_else(|| open.get_key_value(uri).filter(|_| single));
        match known {
            Some((uri, document)) => {
                source.text.clone_from(&document.text);
                (uri.clone(), Some(document.version))
            }
            None => (Uri::from_file_path(&path).unwrap_or_else(|| uri.clone()), None),
        }
    });
    let files = files.collect();
    Overlaid { project, files }
}
