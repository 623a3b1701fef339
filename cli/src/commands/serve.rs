//! `weft serve`: a node in production, on PostgreSQL or SQLite. It starts while the database is away and serves when it
//! answers; it ends well on SIGTERM.

use std::path::PathBuf;

use serde_json::json;
use weft_runtime::config::ExecAllow;
use weft_runtime::node::DeclaredSchedules;
use weft_runtime::telemetry::DEFAULT_FILTER;

use crate::exit::{Exit, Failed, Outcome};
use crate::local::{self, Local, Place};
use crate::options::Serve;
use crate::output::style;
use crate::project;

use super::Context;

/// Serves until it is asked to stop.
pub(crate) async fn serve(context: &Context, options: &Serve) -> Outcome {
    local::log(&context.out, DEFAULT_FILTER)?;
    let (config, file) = match &options.config {
        Some(file) => (project::read_config_file(file)?, file.clone()),
        None => (project::Config::default(), PathBuf::from(".").join(project::CONFIG_FILE)),
    };
    let mut settings = config.server(&file, ExecAllow::Nothing)?;
    if let Some(root) = &options.allow_exec {
        if !root.is_dir() {
            return Err(Failed::new(
                Exit::Refused,
                "io",
                format!("--allow-exec: there is no folder {}", root.display()),
            )
            .help("it takes the folder of the deployed project: where its weft.toml and its scripts are"));
        }
        settings.exec.allow = ExecAllow::Everything;
        settings.exec.root = root.clone();
    }
    let place = Place::Store { url: options.database.clone(), name: options.advertise.clone() };
    let listener = local::listen(Some(options.listen)).await?;
    let local = Local::open(place, settings, listener, DeclaredSchedules::Made).await?;
    let out = &context.out;
    out.tell(
        &format!("{} {}", out.paint("listening", style::GOOD), local.address()),
        || json!({ "serving": { "address": local.address() } }),
    );
    local::stop_requested().await;
    local.close().await;
    Ok(Exit::Done)
}
