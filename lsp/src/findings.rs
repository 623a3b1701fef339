//! What is known of a project at one moment: its texts and what the compiler found out about them.

use tower_lsp::ls_types::{Location, Position, Range, Uri};
use weft_compiler::index::{Declared, Index};
use weft_compiler::{FileId, Project, Span};

use crate::proto::{Encoding, Lines, View};

/// A file of a project that was looked at.
#[derive(Debug)]
pub(crate) struct Looked {
    /// What the client calls it.
    pub(crate) uri: Uri,
    /// The version that was looked at, if it is open.
    pub(crate) version: Option<i32>,
    text: String,
    lines: Lines,
}

/// A project that was looked at.
#[derive(Debug)]
pub(crate) struct Findings {
    files: Vec<Looked>,
    /// What its names mean.
    pub(crate) index: Index,
    encoding: Encoding,
}

/// A place in a project that was looked at: what most questions are asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'f> {
    /// What is known.
    pub(crate) findings: &'f Findings,
    /// The file.
    pub(crate) file: FileId,
    /// The byte.
    pub(crate) offset: usize,
}

impl Findings {
    pub(crate) fn new(project: Project, files: Vec<(Uri, Option<i32>)>, index: Index, encoding: Encoding) -> Findings {
        let files = files.into_iter().zip(project.sources).map(|((uri, version), source)| Looked {
            uri,
            version,
            lines: Lines::new(&source.text),
            text: source.text,
        });
        Findings { files: files.collect(), index, encoding }
    }

    /// The number of a file.
    pub(crate) fn file(&self, uri: &Uri) -> Option<FileId> {
        let number = self.files.iter().position(|file| file.uri == *uri)?;
        u16::try_from(number).ok().map(FileId)
    }

    /// A file.
    pub(crate) fn looked(&self, file: FileId) -> Option<&Looked> {
        self.files.get(usize::from(file.0))
    }

    /// All files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Looked> {
        self.files.iter()
    }

    /// The text of a file, and how its places are converted.
    pub(crate) fn view(&self, file: FileId) -> Option<View<'_>> {
        let file = self.looked(file)?;
        Some(View { text: &file.text, lines: &file.lines, encoding: self.encoding })
    }

    /// A position the client speaks of.
    pub(crate) fn place(&self, uri: &Uri, position: Position) -> Option<Place<'_>> {
        let file = self.file(uri)?;
        let offset = self.view(file)?.offset(position);
        Some(Place { findings: self, file, offset })
    }

    /// Where a span is for the client.
    pub(crate) fn location(&self, span: Span) -> Option<Location> {
        let file = self.looked(span.file)?;
        Some(Location { uri: file.uri.clone(), range: self.view(span.file)?.range(span) })
    }

    /// The range of a span.
    pub(crate) fn range(&self, span: Span) -> Option<Range> {
        Some(self.view(span.file)?.range(span))
    }

    /// The text of a span.
    pub(crate) fn text(&self, span: Span) -> &str {
        let text = self.looked(span.file).map_or("", |file| file.text.as_str());
        text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }
}

impl<'f> Place<'f> {
    /// What is declared and called by the name here.
    pub(crate) fn named(&self) -> Option<(Span, &'f Declared)> {
        self.findings.index.at(self.file, self.offset)
    }

    /// The text before this place.
    pub(crate) fn before(&self) -> &'f str {
        let text = self.findings.looked(self.file).map_or("", |file| file.text.as_str());
        text.get(..self.offset).unwrap_or_default()
    }
}
