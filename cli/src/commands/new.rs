//! `weft new`: a small project that runs at once.

use std::path::Path;

use serde_json::json;

use crate::exit::{Exit, Failed, Outcome};
use crate::options::New;
use crate::output::style;

use super::{Context, program_name};

/// The files of a new project; `{name}` is its name.
const FILES: [(&str, &str); 4] = [
    ("weft.toml", include_str!("new/weft.toml")),
    ("workflow.wf", include_str!("new/workflow.wf")),
    ("greet.py", include_str!("new/greet.py")),
    ("README.md", include_str!("new/README.md")),
];

/// Makes the folder of a project.
pub(crate) fn new(context: &Context, options: &New) -> Outcome {
    let path = Path::new(&options.name);
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
    if !name.starts_with(|c: char| c.is_ascii_alphabetic())
        || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    {
        return Err(Failed::usage(format!("`{}` cannot name a project", options.name))
            .help("a name starts with a letter and goes on with letters, digits, - and _"));
    }
    if std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failed::new(Exit::Refused, "exists", format!("{} exists and is not empty", path.display()))
            .help("choose another name, or empty the folder"));
    }
    let cannot = |what: &Path, e: std::io::Error| Failed::io(format!("cannot make {}", what.display()), &e);
    std::fs::create_dir_all(path).map_err(|e| cannot(path, e))?;
    for (file, text) in FILES {
        let file = path.join(file);
        std::fs::write(&file, text.replace("{{name}}", name)).map_err(|e| cannot(&file, e))?;
    }
    if context.out.json {
        let files: Vec<_> = FILES.iter().map(|(file, _)| path.join(file).display().to_string()).collect();
        context.out.value(&json!({ "name": name, "folder": path.display().to_string(), "files": files }))?;
        return Ok(Exit::Done);
    }
    let path = path.display();
    context.out.say(&format!("{} {path}. Try it:", context.out.paint("made", style::GOOD)));
    context.out.say(&format!("  {} run {path}/workflow.wf name=world", program_name()));
    Ok(Exit::Done)
}
