//! Finds a project on disk: `weft.toml`, or a file or folder without one. Reads its sources in a stable
//! order; compiling them is `compile`'s.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use weft_compiler::{Defaults, Project, Source};
use weft_protocol::id::{NAMESPACE_RULE, is_namespace};
use weft_protocol::limits::Limits;
use weft_runtime::config::{ExecAllow, NodeConfig, apply_environment, read_tables};

use crate::exit::{Exit, Failed};
use crate::view::safe::safe_line;

/// Name of the configuration file; its folder is the project.
pub(crate) const CONFIG_FILE: &str = "weft.toml";
/// The edition of the language: the only one yet, and that of a project that names none.
const EDITION: &str = "2026";
/// Source files of a project.
const SOURCE_FILES_MAX: usize = 10_000;
/// Folders below a project's folder.
const FOLDER_DEPTH_MAX: usize = 32;

// The compiler and the limits of a node know nothing of each other, and must agree.
const _: () = assert!(weft_compiler::syntax::SOURCE_BYTES_MAX == weft_protocol::limits::SOURCE_BYTES_MAX);

/// `weft.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Project name.
    pub(crate) name: Option<String>,
    /// Language edition.
    pub(crate) edition: Option<String>,
    /// Namespace of its deploys.
    pub(crate) namespace: Option<String>,
    /// Defaults of activities.
    activity: toml::Table,
    /// Defaults of workflows.
    workflow: toml::Table,
    /// Servers by name.
    pub(crate) env: BTreeMap<String, Environment>,
    /// `[exec]`, `[http]` and `[limits]`: the server's, read by the runtime.
    exec: toml::Table,
    http: toml::Table,
    limits: toml::Table,
}

/// `[env.NAME]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Environment {
    /// Where the server is.
    pub(crate) address: String,
}

impl Config {
    /// What a node is configured with: the server's tables, the environment over them. `exec` is what holds for `exec`
    /// activities where neither says anything; `file` is where the tables stand, or would: relative paths begin in its folder.
    ///
    /// # Errors
    /// The first setting that is unknown or wrong.
    pub(crate) fn server(&self, file: &Path, exec: ExecAllow) -> Result<NodeConfig, Failed> {
        let folder = file.parent().unwrap_or(Path::new(""));
        let tables = [("exec", &self.exec), ("http", &self.http), ("limits", &self.limits)];
        let tables = tables.map(|(name, table)| (name.to_owned(), toml::Value::Table(table.clone())));
        let mut config = NodeConfig::default();
        config.exec.allow = exec;
        config.exec.root = folder.to_path_buf();
        let variables = std::env::vars_os().filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)));
        read_tables(&mut config, &tables.into_iter().collect(), folder)
            .map_err(|e| wrong(format!("{}: {e}", file.display())))
            .and_then(|()| apply_environment(&mut config, variables).map_err(|e| wrong(e.to_string())))?;
        Ok(config)
    }
}

fn wrong(what: String) -> Failed {
    Failed::new(Exit::Program, "configuration", what)
}

/// A project as found on disk.
#[derive(Debug)]
pub(crate) struct Found {
    /// Folder of the project: paths are relative to it, `.weft/` lies in it.
    pub(crate) root: PathBuf,
    /// `weft.toml`, or what it is without one.
    pub(crate) config: Config,
    /// What the compiler is given.
    pub(crate) project: Project,
    /// The file that was named, relative to the root, where a file was.
    pub(crate) file: Option<String>,
    /// What the configuration allows.
    pub(crate) limits: Limits,
}

impl Found {
    /// Names a project that has no name in a `weft.toml` after its folder, whether the folder or a file was named.
    pub(crate) fn name_by_folder(&mut self) {
        if self.config.name.is_none() {
            self.project.name = folder_name(&self.root);
        }
    }
}

/// Loads the project that a path names: the folder of the nearest `weft.toml` at or above it; else the file alone, or
/// all `.wf` files under the folder.
///
/// # Errors
/// Says which file or folder is missing, unreadable or not what it should be.
pub(crate) fn load(path: &Path) -> Result<Found, Failed> {
    let named = std::fs::canonicalize(path).map_err(|e| missing(path, &e))?;
    let (folder, file) = if named.is_dir() {
        (named.clone(), None)
    } else {
        (named.parent().unwrap_or(Path::new("/")).to_path_buf(), Some(named.clone()))
    };
    if let Some(file) = &file {
        match file.file_name().and_then(|n| n.to_str()) {
            Some(CONFIG_FILE) => return load(&folder),
            _ if file.extension().is_some_and(|e| e == "wf") => {}
            _ => {
                return Err(Failed::usage(format!("{} is not a .wf file", path.display()))
                    .help("name a .wf file, or the folder of a project"));
            }
        }
    }
    let root = folder.ancestors().find(|f| f.join(CONFIG_FILE).is_file()).map(Path::to_path_buf);
    let config = root.as_deref().map(read_config).transpose()?.unwrap_or_default();
    let limits = config.server(&root.as_deref().unwrap_or(&folder).join(CONFIG_FILE), ExecAllow::Everything)?.limits;
    let (root, files) = match (root, &file) {
        (Some(root), _) => (root.clone(), source_files(&root)?),
        (None, Some(file)) => (folder, vec![file.clone()]),
        (None, None) => (folder.clone(), source_files(&folder)?),
    };
    if files.is_empty() {
        return Err(no_sources(path, &root));
    }
    let name = match &config.name {
        Some(name) => name.clone(),
        None if files.len() == 1 && file.is_some() => stem(&files[0]),
        None => folder_name(&root),
    };
    let sources = files.iter().map(|f| read_source(&root, f, &limits)).collect::<Result<_, _>>()?;
    let defaults = Defaults {
        activity: option_texts(&root, "activity", &config.activity)?,
        workflow: option_texts(&root, "workflow", &config.workflow)?,
    };
    let edition = config.edition.clone().unwrap_or_else(|| EDITION.to_owned());
    let file = file.and_then(|f| relative(&root, &f));
    Ok(Found { project: Project { name, edition, sources, defaults }, root, config, file, limits })
}

/// Reads the `weft.toml` that a command given no project goes by: the nearest at or above the current folder.
///
/// # Errors
/// If there is one and it cannot be read.
pub(crate) fn nearby_config() -> Result<Config, Failed> {
    match nearby_folder().filter(|root| root.join(CONFIG_FILE).is_file()) {
        Some(root) => read_config(&root),
        None => Ok(Config::default()),
    }
}

/// The folder of the project that a command given none goes by: that of the nearest `weft.toml`, else the current one.
pub(crate) fn nearby_folder() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let root = here.ancestors().find(|f| f.join(CONFIG_FILE).is_file()).map(Path::to_path_buf);
    Some(root.unwrap_or(here))
}

/// The `weft.toml` beside a folder of data, if there is one.
///
/// # Errors
/// If there is one and it cannot be read.
pub(crate) fn config_of_data(data: &Path) -> Result<Config, Failed> {
    let data = std::fs::canonicalize(data).unwrap_or_else(|_| data.to_path_buf());
    match data.parent().filter(|root| root.join(CONFIG_FILE).is_file()) {
        Some(root) => read_config(root),
        None => Ok(Config::default()),
    }
}

/// Reads a configuration file by its path.
///
/// # Errors
/// Says which file and where in it.
pub(crate) fn read_config_file(path: &Path) -> Result<Config, Failed> {
    let text = std::fs::read_to_string(path).map_err(|e| missing(path, &e))?;
    let config: Config = toml::from_str(&text).map_err(|e| {
        let at = e.span().map_or(String::new(), |s| format!(":{}", line_of(&text, s.start)));
        Failed::new(
            Exit::Program,
            "configuration",
            format!("{}{at}: {}", path.display(), e.message().trim_end().replace('\n', "; ")),
        )
        .help("known are name, edition, namespace, [activity], [workflow], [env.NAME], [exec], [http] and [limits]")
    })?;
    if config.name.as_ref().is_some_and(|n| n.is_empty() || n.len() > 200 || safe_line(n) != n.as_str()) {
        return Err(wrong(format!("{}: `name` must be 1 to 200 bytes without control characters", path.display())));
    }
    if let Some(namespace) = config.namespace.as_ref().filter(|n| !is_namespace(n)) {
        return Err(wrong(format!("{}: `{namespace}` cannot name a namespace", path.display()))
            .help(format!("a namespace is {NAMESPACE_RULE}")));
    }
    if let Some(edition) = config.edition.as_ref().filter(|e| *e != EDITION) {
        return Err(wrong(format!("{}: there is no edition `{edition}`", path.display()))
            .help(format!("this weft knows the edition \"{EDITION}\"; a newer one may know more")));
    }
    Ok(config)
}

fn read_config(root: &Path) -> Result<Config, Failed> {
    read_config_file(&root.join(CONFIG_FILE))
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count()
}

/// `[activity]` and `[workflow]` as the compiler takes them: name and text.
fn option_texts(root: &Path, table: &str, options: &toml::Table) -> Result<Vec<(String, String)>, Failed> {
    options
        .iter()
        .map(|(name, value)| match value {
            toml::Value::String(text) => Ok((name.clone(), text.clone())),
            toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) => {
                Ok((name.clone(), value.to_string()))
            }
            _ => {
                let file = root.join(CONFIG_FILE);
                let what = format!("{}: `{name}` of [{table}] must be a text, a number or a boolean", file.display());
                Err(Failed::new(Exit::Program, "configuration", what)
                    .help("write other values as text in the syntax of the language: retry = \"backoff(first: 1s)\""))
            }
        })
        .collect()
}

/// All `.wf` files below a folder, sorted by path; hidden folders and projects of their own are left out.
fn source_files(root: &Path) -> Result<Vec<PathBuf>, Failed> {
    Ok(walk(root)?.0)
}

/// The folders whose files can belong to the project at `root`: what `weft dev` watches.
///
/// # Errors
/// If one of them cannot be read.
pub(crate) fn folders(root: &Path) -> Result<Vec<PathBuf>, Failed> {
    Ok(walk(root)?.1)
}

/// Source files and folders of a project, sorted.
fn walk(root: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Failed> {
    let (mut files, mut seen) = (Vec::new(), Vec::new());
    let mut folders = vec![(root.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let unreadable = |e| Failed::io(format!("cannot read the folder {}", folder.display()), &e);
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            let kind = entry.file_type().map_err(unreadable)?;
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if kind.is_dir() {
                if !hidden && !path.join(CONFIG_FILE).is_file() {
                    if depth == FOLDER_DEPTH_MAX {
                        let what = format!("{} lies more than {FOLDER_DEPTH_MAX} folders deep", path.display());
                        return Err(Failed::new(Exit::Program, "folder_depth_max", what));
                    }
                    folders.push((path, depth + 1));
                }
            } else if !hidden && path.extension().is_some_and(|e| e == "wf") && path.is_file() {
                files.push(path);
            }
        }
        if files.len() > SOURCE_FILES_MAX {
            let what = format!("{} holds more than {SOURCE_FILES_MAX} .wf files", root.display());
            return Err(Failed::new(Exit::Program, "source_files_max", what));
        }
        seen.push(folder);
    }
    files.sort_by_cached_key(|f| relative(root, f));
    seen.sort();
    Ok((files, seen))
}

fn no_sources(path: &Path, root: &Path) -> Failed {
    let failed = Failed::new(Exit::Program, "no_sources", format!("there is no .wf file in {}", path.display()));
    let mut projects: Vec<_> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|e| e.path().join(CONFIG_FILE).is_file())
        .map(|e| path.join(e.file_name()).display().to_string())
        .collect();
    projects.sort();
    match projects.as_slice() {
        [] => failed.help("`weft new hello` makes a project that runs"),
        all => failed
            .why(format!("it holds {} projects of their own", all.len()))
            .help(format!("name one of them: {}", all.join(", "))),
    }
}

fn read_source(root: &Path, file: &Path, limits: &Limits) -> Result<Source, Failed> {
    let Some(path) = relative(root, file) else {
        return Err(Failed::new(Exit::Program, "path", format!("{} is not a UTF-8 path", file.display())));
    };
    let bytes = std::fs::read(file).map_err(|e| missing(file, &e))?;
    if bytes.len() > limits.source_bytes_max {
        let max = limits.source_bytes_max;
        let what = format!("{path} has {} bytes, above the limit source_bytes_max of {max}", bytes.len());
        return Err(Failed::new(Exit::Program, "source_bytes_max", what));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { path, text }),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes()[..at].iter().filter(|b| **b == b'\n').count();
            Err(Failed::new(Exit::Program, "encoding", format!("{path}:{line}: this is not UTF-8 text"))
                .help("save the file as UTF-8"))
        }
    }
}

/// The path below the root with `/`, if it is UTF-8.
fn relative(root: &Path, file: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = file.strip_prefix(root).ok()?.components().map(|c| c.as_os_str().to_str()).collect();
    Some(parts?.join("/"))
}

fn stem(path: &Path) -> String {
    path.file_stem().and_then(|s| s.to_str()).filter(|s| !s.is_empty()).unwrap_or("weft").to_owned()
}

/// The whole name of a folder: what follows a dot is no extension there.
fn folder_name(path: &Path) -> String {
    path.file_name().and_then(|s| s.to_str()).unwrap_or("weft").to_owned()
}

fn missing(path: &Path, error: &std::io::Error) -> Failed {
    Failed::io(format!("cannot read {}", path.display()), error).help("check the path; `.` is the current folder")
}

/// Puts a new text where a source is, whole or not at all, with the old one's permissions.
///
/// # Errors
/// If the file is read-only, or its folder cannot be written.
pub(crate) fn replace(file: &Path, text: &str) -> Result<(), Failed> {
    let cannot = |e: &std::io::Error| Failed::io(format!("cannot write {}", file.display()), e);
    let file = std::fs::canonicalize(file).map_err(|e| cannot(&e))?;
    let permissions = std::fs::metadata(&file).map_err(|e| cannot(&e))?.permissions();
    // A rename would go through where writing is forbidden.
    if permissions.readonly() {
        return Err(Failed::new(Exit::Refused, "io", format!("{} is read-only", file.display())));
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(|e| cannot(&e))?;
    new.write_all(text.as_bytes()).map_err(|e| cannot(&e))?;
    new.as_file().set_permissions(permissions).map_err(|e| cannot(&e))?;
    new.persist(&file).map_err(|e| cannot(&e.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    fn paths(found: &Found) -> Vec<&str> {
        found.project.sources.iter().map(|s| s.path.as_str()).collect()
    }

    #[test]
    fn a_file_alone_is_a_project_named_after_it() {
        let dir = folder(&[("order.wf", "a"), ("other.wf", "b")]);
        let found = load(&dir.path().join("order.wf")).unwrap();
        assert_eq!((found.project.name.as_str(), paths(&found)), ("order", vec!["order.wf"]));
        assert_eq!(found.file.as_deref(), Some("order.wf"));
        let mut found = found;
        found.name_by_folder();
        assert_eq!(
            found.project.name,
            load(dir.path()).unwrap().project.name,
            "deployed, it is named as its folder is"
        );
    }

    #[test]
    fn a_folder_is_all_its_files_in_order_but_not_other_projects() {
        let dir = folder(&[
            ("b.wf", ""),
            ("a/z.wf", ""),
            ("a/b/c.wf", ""),
            (".hidden/x.wf", ""),
            ("own/weft.toml", ""),
            ("own/y.wf", ""),
            ("notes.txt", ""),
        ]);
        assert_eq!(paths(&load(dir.path()).unwrap()), ["a/b/c.wf", "a/z.wf", "b.wf"]);
    }

    #[test]
    fn a_file_below_weft_toml_belongs_to_its_project() {
        let config = "name = 'shop'\n[activity]\ntimeout = '30s'\nqueue = 'q'\n[env.live]\naddress = 'http://h:1'";
        let dir = folder(&[("weft.toml", config), ("a.wf", ""), ("sub/b.wf", "")]);
        let found = load(&dir.path().join("sub/b.wf")).unwrap();
        assert_eq!((found.project.name.as_str(), paths(&found)), ("shop", vec!["a.wf", "sub/b.wf"]));
        assert_eq!(found.file.as_deref(), Some("sub/b.wf"));
        let texts: Vec<_> = found.project.defaults.activity.iter().map(|(n, t)| format!("{n}={t}")).collect();
        assert_eq!(texts, ["queue=q", "timeout=30s"]);
        assert_eq!(found.config.env["live"].address, "http://h:1");
    }

    #[test]
    fn mistakes_name_the_file_and_line() {
        let dir = folder(&[("weft.toml", "name = 'x'\ncolour = 1\n"), ("a.wf", "")]);
        let failed = load(dir.path()).unwrap_err();
        assert!(failed.what.contains("weft.toml:2: unknown field `colour`"), "{}", failed.what);
        let dir = folder(&[]);
        std::fs::write(dir.path().join("a.wf"), b"fn\n\xff").unwrap();
        assert!(load(dir.path()).unwrap_err().what.contains("a.wf:2"), "the line of the wrong byte");
        let dir = folder(&[("one/weft.toml", ""), ("two/weft.toml", "")]);
        let failed = load(dir.path()).unwrap_err();
        assert!(failed.help.as_deref().unwrap().contains("one"), "the projects below are named");
    }
}
