//! What fuzzing begins with: every program of the repository, and the words and signs of the language.

use std::path::{Path, PathBuf};

/// Folders whose programs are seeds.
const FOLDERS: [&str; 6] = ["examples", "tests", "docs", "compiler", "cli", "stdlib"];

/// A program: the file it is from, and its text.
pub struct Seed {
    /// Path below the workspace; with the number of the block where it is from a page.
    pub name: String,
    /// The program.
    pub text: String,
}

/// The workspace.
pub fn workspace() -> PathBuf {
    let mut folder = Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf();
    while !folder.join("compiler/src/syntax/grammar.pest").is_file() {
        assert!(folder.pop(), "the crate lies in the workspace");
    }
    folder
}

/// Every `.wf` file and every `wf` block of a page, sorted by name; those that do not compile, too.
pub fn seeds() -> Vec<Seed> {
    let root = workspace();
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|name| root.join(name)).collect();
    folders.push(root.clone());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if path.is_dir() && folder != root && !hidden {
                folders.push(path);
                continue;
            }
            let ending = path.extension().and_then(|ending| ending.to_str());
            let Some(ending @ ("wf" | "md")) = ending else { continue };
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
            match ending {
                "wf" => found.push(Seed { name, text }),
                _ => found.extend(blocks(&name, &text)),
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() > 300, "only {} programs were found", found.len());
    found
}

/// The `wf` blocks of a page.
fn blocks(name: &str, page: &str) -> Vec<Seed> {
    let parts = page.split("```wf").skip(1).enumerate();
    let block = |(number, part): (usize, &str)| {
        let text = part.split_once('\n').map_or("", |(_, block)| block);
        let text = text.split("```").next().unwrap_or_default();
        Seed { name: format!("{name} block {number}"), text: text.to_owned() }
    };
    parts.map(block).collect()
}

/// The words and signs of the grammar, those of other languages included: every literal in `grammar.pest`.
pub fn words() -> Vec<String> {
    let grammar = std::fs::read_to_string(workspace().join("compiler/src/syntax/grammar.pest"));
    let grammar = grammar.unwrap_or_default();
    let mut words = Vec::new();
    let mut rest = grammar.as_str();
    while let Some(at) = rest.find('"') {
        rest = &rest[at + 1..];
        let mut end = 0;
        while end < rest.len() && !rest[end..].starts_with('"') {
            end += if rest[end..].starts_with('\\') { 2 } else { 1 };
        }
        let word = rest[..end].replace("\\\"", "\"").replace("\\\\", "\\").replace("\\n", "\n");
        rest = rest.get(end + 1..).unwrap_or_default();
        if !word.is_empty() && word != "\\t" && word != "\\r" {
            words.push(word);
        }
    }
    words.sort();
    words.dedup();
    assert!(words.len() > 150, "only {} words were found", words.len());
    words
}
