//! What can be seen of `exec` activities before one is run: whether this server runs programs, and whether it finds
//! them where it was told they are. A hint, not a verdict: the files may come later.

use std::path::Path;

use weft_bytecode::Program;
use weft_bytecode::options::{Part, Target, Template};

use crate::config::{ExecAllow, ExecConfig};

/// Words of a command line that end like this name a file of the project.
const SCRIPT_ENDINGS: [&str; 8] = [".sh", ".py", ".js", ".mjs", ".ts", ".rb", ".pl", ".php"];
/// Troubles told of one program.
const TROUBLES_MAX: usize = 5;

/// Why activities of a program will fail here, in the operator's words; empty if nothing speaks against them.
pub(crate) fn troubles(config: &ExecConfig, program: &Program) -> Vec<String> {
    let root = config.root_of(&program.project);
    let commands = program.activities.iter().filter_map(|activity| match &activity.options.target {
        Target::Exec(words) => Some((activity, words)),
        _ => None,
    });
    let mut told = Vec::new();
    for (activity, words) in commands {
        let name = &activity.name;
        let trouble = match &config.allow {
            // One word for all of them.
            ExecAllow::Nothing => {
                return vec![format!(
                    "activity `{name}` runs a program, which this server does not do; start it with `--allow-exec DIR`, \
                     where DIR is the folder of the project, or set `[exec] allow` and `root` in its configuration"
                )];
            }
            ExecAllow::Programs(allowed) => {
                literal(words.first()).filter(|word| !allowed.iter().any(|a| a == word)).map(|word| {
                    format!(
                        "activity `{name}` runs `{word}`, which is not among the programs that `[exec] allow` names"
                    )
                })
            }
            ExecAllow::Everything => None,
        };
        let trouble = trouble.or_else(|| {
            missing(&root.join(&activity.folder), words).map(|what| {
            format!(
                "activity `{name}` needs {what}; --allow-exec, `[exec] root` or `[exec.roots]` must name the folder \
                 of project `{}`",
                program.project
            )
        })
        });
        told.extend(trouble);
    }
    told.truncate(TROUBLES_MAX);
    told
}

/// What a command line names that is not in the folder it runs in.
fn missing(folder: &Path, words: &[Template]) -> Option<String> {
    let shown = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    if !folder.is_dir() {
        return Some(format!("the folder {}, which does not exist", shown.display()));
    }
    let named = words.iter().enumerate().filter_map(|(at, word)| Some((at, literal(Some(word))?)));
    let mut files = named.filter(|(at, word)| {
        (*at == 0 && word.contains('/')) || (!word.starts_with('-') && SCRIPT_ENDINGS.iter().any(|e| word.ends_with(e)))
    });
    files
        .find(|(_, word)| !folder.join(word).exists())
        .map(|(_, word)| format!("`{word}`, which is not in {}", shown.display()))
}

/// A word without holes.
fn literal(word: Option<&Template>) -> Option<&str> {
    match word?.parts.as_slice() {
        [Part::Text(text)] => Some(text),
        _ => None,
    }
}
