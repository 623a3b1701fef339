//! What is to be tested: projects by their paths, tests by parts of their names.

use std::path::{Path, PathBuf};

use weft_bytecode::suite::TestDef;
use weft_compiler::source::Lines;
use weft_compiler::{FileId, Span};
use weft_runtime::testing::Player;

use crate::compile::Stream;
use crate::exit::{Exit, Failed};
use crate::options::Test;
use crate::output::Output;
use crate::project::{self, Found};
use crate::view::diagnostics;

/// Compiled projects, and which of their tests are meant.
pub(super) struct Suites {
    projects: Vec<(Found, Player)>,
    /// Parts of names.
    pub(super) filters: Vec<String>,
}

/// A test to play.
#[derive(Clone)]
pub(super) struct Chosen {
    project: usize,
    pub(super) player: Player,
    pub(super) test: usize,
}

impl Suites {
    /// Reads and compiles projects. Of the words on the command line, what exists on disk is a project or a file; the
    /// others are parts of names.
    pub(super) fn load(out: &Output, options: &Test) -> Result<Suites, Failed> {
        let (paths, filters): (Vec<String>, Vec<String>) =
            options.what.iter().cloned().partition(|w| Path::new(w).exists());
        let paths = if paths.is_empty() { vec![".".to_owned()] } else { paths };
        let mut projects = Vec::new();
        let mut broken = false;
        for path in paths {
            let found = project::load(&PathBuf::from(path))?;
            let analysis = weft_compiler::compile_tests(&found.project);
            diagnostics::show(out, &found.project, &analysis.diagnostics, Stream::Talk)?;
            let Some(suite) = analysis.suite else {
                broken = true;
                continue;
            };
            let prepare = if options.coverage { Player::measured } else { Player::new };
            let player = prepare(suite, found.limits.clone()).map_err(|error| {
                Failed::new(Exit::Program, "invalid_program", "the compiled tests do not verify").why(error.to_string())
            })?;
            projects.push((found, player));
        }
        if broken { Err(Failed::silent(Exit::Program)) } else { Ok(Suites { projects, filters }) }
    }

    /// The projects.
    pub(super) fn projects(&self) -> impl Iterator<Item = (&Found, &Player)> {
        self.projects.iter().map(|(found, player)| (found, player))
    }

    /// The tests that are meant, in the order of the projects and their sources.
    pub(super) fn chosen(&self) -> Vec<Chosen> {
        let mut chosen = Vec::new();
        for (project, (found, player)) in self.projects.iter().enumerate() {
            for (test, def) in player.tests().iter().enumerate() {
                let path = &found.project.sources[usize::from(def.span.file)].path;
                let of_file = found.file.as_ref().is_none_or(|file| file == path);
                let named = self.filters.is_empty() || self.filters.iter().any(|part| def.name.contains(part));
                if of_file && named {
                    chosen.push(Chosen { project, player: player.clone(), test });
                }
            }
        }
        chosen
    }

    /// The declaration of a test.
    pub(super) fn def<'c>(&self, chosen: &'c Chosen) -> &'c TestDef {
        &chosen.player.tests()[chosen.test]
    }

    /// The project of a test.
    pub(super) fn project(&self, chosen: &Chosen) -> &Found {
        &self.projects[chosen.project].0
    }

    /// File and line of a test.
    pub(super) fn place(&self, chosen: &Chosen) -> (String, usize) {
        let (def, found) = (self.def(chosen), self.project(chosen));
        let source = &found.project.sources[usize::from(def.span.file)];
        let (line, _) = Lines::new(&source.text).position(&source.text, def.span.start as usize);
        (self.shown(found, &source.path), line)
    }

    /// A file of a project as people know it.
    pub(super) fn shown(&self, found: &Found, path: &str) -> String {
        if self.projects.len() > 1 { format!("{}/{path}", found.project.name) } else { path.to_owned() }
    }
}

/// A place of a program as one of its sources.
pub(super) fn span(span: weft_bytecode::Span) -> Span {
    Span { file: FileId(span.file), start: span.start, end: span.end }
}
