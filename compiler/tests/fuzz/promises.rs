//! What the compiler promises of every text, however wrong it is. A broken promise is a panic.

use weft_bytecode::Program;
use weft_compiler::source::{FileId, Source, Span};
use weft_compiler::{
    Diagnostic, Indexed, Project, Severity, compile, compile_indexed, diagnostic, fix, format, graph, syntax,
};

/// Begins a file of its own within an input: `//file shop/billing`.
const FILE_MARK: &str = "\n//file ";

/// Places of a file that are asked for what they mean, at most.
const PLACES_MAX: usize = 2_000;

/// The whole of it: names, types, effects, code, layout, edits and graphs.
pub fn all(text: &str) {
    let diagnostics = compiles(text);
    formats(text);
    means(text);
    // Without an edit, mending changes nothing.
    if diagnostics.iter().filter_map(|d| d.fix.as_ref()).any(|fix| fix.safe) {
        fixes(text);
    }
}

/// An input as a project: one file, or several where the input says so.
fn project(text: &str) -> Project {
    let mut parts = text.split(FILE_MARK);
    let mut sources = vec![Source { path: "main.wf".into(), text: parts.next().unwrap_or_default().into() }];
    for part in parts {
        let (name, text) = part.split_once('\n').unwrap_or((part, ""));
        let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '/')).collect();
        let path = format!("{name}.wf");
        if sources.iter().all(|source| source.path != path) {
            sources.push(Source { path, text: text.into() });
        }
    }
    Project { name: "fuzz".into(), edition: "2026".into(), sources, ..Project::default() }
}

/// A project is compiled or its mistakes are told, at places that exist; what is emitted passes the verifier.
pub fn compiles(text: &str) -> Vec<Diagnostic> {
    let project = project(text);
    let analysis = compile(&project);
    told(&project, &analysis.diagnostics);
    let errors = analysis.diagnostics.iter().any(|d| d.severity == Severity::Error);
    assert_eq!(errors, analysis.program.is_none(), "a program, or an error");
    let Some(program) = analysis.program else { return analysis.diagnostics };
    let decoded = weft_bytecode::codec::decode(&weft_bytecode::codec::encode(&program));
    assert_eq!(decoded.expect("what is emitted is whole"), program, "what is emitted can be stored");
    for graph in graph::graphs(&project).expect("what compiles can be drawn") {
        assert!(graph.edges.iter().all(|edge| edge.from.max(edge.to) < graph.nodes.len()));
        assert!(!graph.mermaid().is_empty() && !graph.dot().is_empty());
        assert!(graph::svg(&[&graph]).is_none_or(|svg| svg.ends_with("</svg>\n") && !svg.contains("=\"NaN")));
    }
    analysis.diagnostics
}

/// What names mean is known of every text: at places that exist, each a name as it is declared. To know it changes nothing
/// of what is said.
pub fn means(text: &str) {
    let project = project(text);
    let Indexed { diagnostics, index } = compile_indexed(&project);
    assert!(diagnostics == compile(&project).diagnostics, "the same is said with and without an index");
    let text = |span: Span| {
        let source = project.sources.get(usize::from(span.file.0)).expect("the file of a place");
        source.text.get(span.start as usize..span.end as usize).expect("a place lies in its file")
    };
    for file in (0..project.sources.len()).map(|file| FileId(file as u16)) {
        for (span, declared) in index.names_of(file) {
            assert_eq!(text(span), text(declared.name), "a name is the one that is declared");
            let (_, found) = index.at(file, span.start as usize).expect("a name is found at its place");
            assert!(index.mentions(found).iter().any(|mention| mention.start == span.start));
        }
        for at in 0..project.sources[usize::from(file.0)].text.len().min(PLACES_MAX) {
            index
                .type_at(file, at)
                .into_iter()
                .for_each(|(span, ty)| assert!(!text(span).is_empty() && !ty.is_empty()));
            index.belongings(file, at);
        }
    }
}

/// Places lie in their files, and each diagnostic can be shown and explained.
fn told(project: &Project, diagnostics: &[Diagnostic]) {
    let sources = diagnostic::Sources::new(&project.sources);
    let whole = |span: Span| {
        // The project's defaults, which nothing is wrong with here, are one more file.
        let source = project.sources.get(usize::from(span.file.0)).expect("the file of a place");
        assert!(source.text.get(span.start as usize..span.end as usize).is_some(), "{span:?} in {}", source.path);
    };
    for diagnostic in diagnostics {
        whole(diagnostic.span);
        diagnostic.related.iter().for_each(|(span, _)| whole(*span));
        diagnostic.fix.iter().flat_map(|fix| &fix.edits).for_each(|(span, _)| whole(*span));
        assert!(diagnostic::explain(diagnostic.code).is_some(), "{} has no page", diagnostic.code);
        assert!(sources.plain(diagnostic).contains(&diagnostic.message) && sources.json(diagnostic).is_object());
    }
}

/// The same program in the one layout, and nothing to do the second time. What cannot be read is still there.
pub fn formats(text: &str) {
    let once = format::format(FileId(0), text);
    same("tokens and comments stay", &squeezed(text), &squeezed(&once.text));
    let twice = format::format(FileId(0), &once.text);
    same("twice is once", &once.text, &twice.text);
    let codes = |errors: &[Diagnostic]| errors.iter().map(|error| error.code).collect::<Vec<_>>();
    assert_eq!(codes(&once.errors), codes(&twice.errors), "the same mistakes");
    if once.errors.is_empty() {
        same("the tree stays", &tree(text), &tree(&once.text));
    }
}

/// Two texts are equal, or the panic shows where they part.
fn same(what: &str, left: &str, right: &str) {
    if left == right {
        return;
    }
    let same = left.chars().zip(right.chars()).take_while(|(a, b)| a == b).count();
    let part = |text: &str| text.chars().skip(same.saturating_sub(30)).take(80).collect::<String>();
    panic!("{what}\n  {:?}\n  {:?}", part(left), part(right));
}

/// A text without its spaces.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && *c != '\u{feff}').collect()
}

/// The tree without its places.
fn tree(text: &str) -> String {
    let shown = format!("{:?}", syntax::parse(FileId(0), text).0.items);
    let mut out = String::with_capacity(shown.len());
    let mut rest = shown.as_str();
    while let Some(at) = rest.find("Span {") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = &rest[rest.find('}').map_or(rest.len(), |end| end + 1)..];
    }
    out + rest
}

/// What a program does, without where it is written.
fn code(program: &Program) -> String {
    let mut program = program.clone();
    program.functions.iter_mut().for_each(|function| function.sites.clear());
    program.listing()
}

/// Edits that need no person come to an end: a text has no more layers of mistakes than characters. They leave what
/// compiles as it is, but for statements that did nothing and can only have been written for one thing (WF3012).
pub fn fixes(text: &str) {
    let mut fixed = fix::fix(&project(text));
    if compile(&project(text)).program.is_some() {
        let compiled = |project: &Project| compile(project).program.expect("what compiled compiles still");
        let meant = compiled(&fix::fix_of(&project(text), "WF3012").project);
        same("what is mended does the same", &code(&meant), &code(&compiled(&fixed.project)));
    }
    for _ in 0..text.len() + 2 {
        told(&fixed.project, &fixed.left);
        let again = fix::fix(&fixed.project);
        if again.project == fixed.project {
            return;
        }
        fixed = again;
    }
    panic!("nothing is left to do at some time");
}
