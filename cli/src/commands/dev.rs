//! `weft dev`: a server for one project on this machine that deploys on every save. A mistake is shown and the code
//! before it stays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use serde_json::json;
use tokio::sync::mpsc;
use weft_compiler::Project;
use weft_runtime::config::ExecAllow;
use weft_runtime::node::DeclaredSchedules;

use crate::compile::{self, Stream};
use crate::exit::{Exit, Failed, Outcome};
use crate::local::{self, Local, Place};
use crate::options::Dev;
use crate::output::style;
use crate::project;

use super::{Context, deploy};

/// Quiet after which a save counts as finished: editors write in several steps.
const SETTLED: Duration = Duration::from_millis(30);

/// Serves a project while it is worked on.
pub(crate) async fn dev(context: &Context, options: &Dev) -> Outcome {
    local::log(&context.out, local::PROGRAMS_TOO)?;
    let root = std::fs::canonicalize(&options.dir).ok().filter(|d| d.is_dir()).ok_or_else(|| {
        Failed::new(Exit::Refused, "io", format!("there is no folder {}", options.dir.display()))
            .help("`weft new hello` makes a project")
    })?;
    let root = root.ancestors().find(|f| f.join(project::CONFIG_FILE).is_file()).unwrap_or(&root).to_path_buf();
    let config = match root.join(project::CONFIG_FILE) {
        file if file.is_file() => project::read_config_file(&file)?,
        _ => project::Config::default(),
    };
    // Watching begins before the first look, so that no save falls in between.
    let mut watch = Watch::begin(&root)?;
    let data = options.data.clone().unwrap_or_else(|| root.join(local::FOLDER));
    let settings = config.server(&root.join(project::CONFIG_FILE), ExecAllow::Everything)?;
    let listener = local::listen(Some(options.listen)).await?;
    let local = Local::open(Place::Folder(data.clone()), settings, listener, DeclaredSchedules::Made).await?;
    local.serving().await?;
    let (out, shown) = (&context.out, local::shown(&data));
    out.tell(
        &format!("{} {} (data in {shown})", out.paint("serving", style::GOOD), local.address()),
        || json!({ "serving": { "address": local.address(), "data": shown } }),
    );
    let mut stop = std::pin::pin!(local::stop_requested());
    let mut seen = Seen::default();
    loop {
        deploy_if_changed(context, &root, &local, &mut seen).await;
        tokio::select! {
            () = &mut stop => break,
            more = watch.saved() => if !more { break },
        }
        watch.follow(&root);
    }
    local.close().await;
    Ok(Exit::Done)
}

/// What has been deployed, and what has been looked at.
#[derive(Default)]
struct Seen {
    /// The sources as they were looked at last, if they could be read.
    project: Option<Project>,
    /// Whether a program has been deployed.
    deployed: bool,
}

/// Deploys what is on disk, if it is not what was looked at before. Says what is wrong with it and goes on.
async fn deploy_if_changed(context: &Context, root: &Path, local: &Local, seen: &mut Seen) {
    let deployed = match project::load(root) {
        Ok(found) if seen.project.as_ref() == Some(&found.project) => return,
        Ok(found) => {
            let deployed = deploy_found(context, &found, local).await;
            seen.project = Some(found.project);
            deployed
        }
        Err(failed) => {
            seen.project = None;
            Err(failed)
        }
    };
    match deployed {
        Ok(()) => seen.deployed = true,
        Err(failed) => {
            context.out.failed(&failed);
            if seen.deployed {
                context.out.note("program_kept", "the program deployed before stays", json!({}));
            }
        }
    }
}

async fn deploy_found(context: &Context, found: &project::Found, local: &Local) -> Result<(), Failed> {
    let program = compile::compile(&context.out, found, Stream::Talk)?;
    deploy::some_workflow(&program)?;
    let namespace = context.namespace(&found.config)?;
    local.make_namespace(&namespace).await?;
    let reply = local.api().deploy(&namespace, weft_bytecode::codec::encode(&program)).await?;
    deploy::said(&context.out, &reply);
    Ok(())
}

/// Watches the folders of a project.
struct Watch {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    events: mpsc::UnboundedReceiver<()>,
}

impl Watch {
    fn begin(root: &Path) -> Result<Watch, Failed> {
        let (send, events) = mpsc::unbounded_channel();
        let told = move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|e| !e.kind.is_access() && e.paths.iter().any(|p| matters(p))) {
                // Nobody listens any more when the command ends.
                let _ = send.send(());
            }
        };
        let cannot =
            |e: notify::Error| Failed::new(Exit::Refused, "watch", "cannot watch the files").why(e.to_string());
        let watcher = notify::recommended_watcher(told).map_err(cannot)?;
        let mut watch = Watch { watcher, watched: BTreeSet::new(), events };
        watch.watcher.watch(root, RecursiveMode::NonRecursive).map_err(cannot)?;
        watch.watched.insert(root.to_path_buf());
        watch.follow(root);
        Ok(watch)
    }

    /// Watches the folders that are there now. Each by itself: the data of `.weft/` is none of ours.
    fn follow(&mut self, root: &Path) {
        let now: BTreeSet<PathBuf> = project::folders(root).unwrap_or_default().into_iter().collect();
        for folder in now.difference(&self.watched) {
            let _ = self.watcher.watch(folder, RecursiveMode::NonRecursive);
        }
        for folder in self.watched.difference(&now).filter(|f| *f != root) {
            let _ = self.watcher.unwatch(folder);
        }
        self.watched = now;
        self.watched.insert(root.to_path_buf());
    }

    /// Waits for a save; false if there will be none.
    async fn saved(&mut self) -> bool {
        let some = self.events.recv().await.is_some();
        while let Ok(Some(())) = tokio::time::timeout(SETTLED, self.events.recv()).await {}
        some
    }
}

/// Whether a change of this path can change the project: a source, the configuration, or a folder.
fn matters(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
    !name.starts_with('.') && (name.ends_with(".wf") || name == project::CONFIG_FILE || !name.contains('.'))
}
