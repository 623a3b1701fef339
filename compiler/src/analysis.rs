//! The compiler's front door.

use weft_bytecode::Program;
use weft_bytecode::suite::Suite;

use crate::diagnostic::{Diagnostic, Severity};
use crate::index::Index;
use crate::source::{FileId, Source};
use crate::syntax::ast;
use crate::types::world::World;
use crate::{codegen, effects, hir, parallel, syntax};

/// Stack of the thread that compiles. Trees are up to [`syntax::TREE_DEPTH_MAX`] deep and every stage recurses over
/// them; the memory is only touched as far as it is used.
const STACK_BYTES: usize = 256 << 20;

/// What is compiled together into one program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Project {
    /// Project name.
    pub name: String,
    /// Language edition.
    pub edition: String,
    /// Sources in a stable order.
    pub sources: Vec<Source>,
    /// Options that hold where neither a call site, a declaration nor a file's `default` says otherwise.
    pub defaults: Defaults,
}

/// The tables `[activity]` and `[workflow]` of `weft.toml`. An option whose value is a `String` (`queue`, `http`, `id`, …)
/// has its text as it is; any other is in the syntax of the language: `30s`, `backoff(first: 1s)`, `true`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Defaults {
    /// Options of activities, name and text.
    pub activity: Vec<(String, String)>,
    /// Options of workflows, name and text.
    pub workflow: Vec<(String, String)>,
}

/// What is known about a project.
#[derive(Debug)]
pub struct Analysis {
    /// Everything there is to say, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// The program, if there are no errors.
    pub program: Option<Program>,
}

/// Compiles a project. Never fails: mistakes are diagnostics.
pub fn compile(project: &Project) -> Analysis {
    on_deep_stack(|| {
        let (diagnostics, suite) = analyze(project, false);
        Analysis { diagnostics, program: suite.map(|suite| suite.program) }
    })
}

/// What is known about a project and its tests.
#[derive(Debug)]
pub struct TestAnalysis {
    /// Everything there is to say, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// The program with its tests, if there are no errors.
    pub suite: Option<Suite>,
}

/// Compiles a project with its tests. What it says is what [`compile`] says.
pub fn compile_tests(project: &Project) -> TestAnalysis {
    on_deep_stack(|| {
        let (diagnostics, suite) = analyze(project, true);
        TestAnalysis { diagnostics, suite }
    })
}

/// What is known about a project for whoever looks at its sources.
#[derive(Debug)]
pub struct Indexed {
    /// Everything there is to say, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// What the names in the sources mean.
    pub index: Index,
}

/// Compiles a project and keeps what an editor asks about. What it says is what [`compile`] says.
pub fn compile_indexed(project: &Project) -> Indexed {
    on_deep_stack(|| {
        noted(project, true, |world, lowered, diagnostics| {
            let index = Index::of(world);
            let (diagnostics, _) = back(project, false, world, lowered, diagnostics);
            Indexed { diagnostics, index }
        })
    })
}

/// Runs what recurses over trees on a stack that is deep enough.
pub(crate) fn on_deep_stack<T: Send>(work: impl Fn() -> T + Sync) -> T {
    if stacker::remaining_stack().is_some_and(|bytes| bytes >= STACK_BYTES) {
        return work();
    }
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("compile".into()).stack_size(STACK_BYTES);
        match builder.spawn_scoped(scope, &work) {
            Ok(thread) => match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            },
            // No thread to be had: the caller's stack has to do.
            Err(_) => work(),
        }
    })
}

/// The straight line: text → ast → hir with types → effects → program.
fn analyze(project: &Project, with_tests: bool) -> (Vec<Diagnostic>, Option<Suite>) {
    front(project, |world, lowered, diagnostics| back(project, with_tests, world, lowered, diagnostics))
}

/// The program, if nothing forbids it, and everything there is to say.
fn back(
    project: &Project,
    with_tests: bool,
    world: &World<'_>,
    lowered: &hir::program::Program,
    mut diagnostics: Vec<Diagnostic>,
) -> (Vec<Diagnostic>, Option<Suite>) {
    let mut suite = None;
    if diagnostics.iter().all(|d| d.severity != Severity::Error) {
        let count = project.sources.len();
        match codegen::emit(world, lowered, &project.name, &project.edition, count, with_tests) {
            Ok(done) => suite = Some(done),
            Err(refused) => diagnostics.push(*refused),
        }
    }
    diagnostics.sort_by_key(|d| (d.span.file, d.span.start, d.span.end, d.code));
    diagnostics.dedup();
    (diagnostics, suite)
}

/// Everything before a program is emitted; `then` hears what was found and what there is to say of it.
pub(crate) fn front<T>(
    project: &Project,
    then: impl FnOnce(&World<'_>, &hir::program::Program, Vec<Diagnostic>) -> T,
) -> T {
    noted(project, false, then)
}

/// As [`front`]; whether what names mean is noted on the way.
fn noted<T>(
    project: &Project,
    notes: bool,
    then: impl FnOnce(&World<'_>, &hir::program::Program, Vec<Diagnostic>) -> T,
) -> T {
    let mut sources = project.sources.clone();
    let mut diagnostics = Vec::new();
    let mut files: Vec<ast::File> = Vec::new();
    for (file, found) in parallel::each(&sources, |number, source| syntax::parse(FileId(number as u16), &source.text)) {
        files.push(file);
        diagnostics.extend(found);
    }
    // The project's defaults are read as one more file, which declares nothing else.
    let defaults = Source { path: "weft.toml".into(), text: defaults_text(&project.defaults) };
    let (file, found) = syntax::parse(FileId(sources.len() as u16), &defaults.text);
    diagnostics.extend(found);
    files.push(file);
    sources.push(defaults);

    let world = World::collect(&sources, &files, notes);
    hir::annotations::check(&world);
    hir::options::check_defaults(&world);
    let lowered = hir::program::lower(&world);
    effects::check(&world, &lowered);
    let found = world.sink.take();
    let consequences = syntax::Consequences::new(&files);
    diagnostics.extend(found.into_iter().filter(|d| !consequences.have(d)));
    hir::annotations::silence(&files, &mut diagnostics);
    then(&world, &lowered, diagnostics)
}

/// Options whose text stands without quotes in `weft.toml`.
const TEXT_OPTIONS: [&str; 6] = ["queue", "http", "exec", "builtin", "bearer", "id"];

fn defaults_text(defaults: &Defaults) -> String {
    let mut out = String::new();
    for (kind, options) in [("activity", &defaults.activity), ("workflow", &defaults.workflow)] {
        if options.is_empty() {
            continue;
        }
        out.push_str(&format!("default {kind} with {{\n"));
        for (name, text) in options {
            if TEXT_OPTIONS.contains(&name.as_str()) {
                let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                out.push_str(&format!("  {name}: \"{text}\",\n"));
            } else {
                out.push_str(&format!("  {name}: {text},\n"));
            }
        }
        out.push_str("}\n");
    }
    out
}
