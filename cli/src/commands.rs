//! One file per command. A command takes its options and says what it did; how that ends is `exit`'s.

pub(crate) mod activity;
pub(crate) mod batch;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod count;
pub(crate) mod deploy;
pub(crate) mod describe;
pub(crate) mod dev;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod fix;
pub(crate) mod fmt;
pub(crate) mod follow;
pub(crate) mod graph;
pub(crate) mod list;
pub(crate) mod lsp;
pub(crate) mod message;
pub(crate) mod namespace;
pub(crate) mod new;
pub(crate) mod patches;
pub(crate) mod patience;
pub(crate) mod replay;
pub(crate) mod reset;
pub(crate) mod result;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod select;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod spec;
pub(crate) mod start;
pub(crate) mod stop;
pub(crate) mod test;
pub(crate) mod update;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use weft_protocol::id::{NAMESPACE_RULE, is_namespace};
use weft_runtime::api::{RunKey, SharedApi};

use crate::bench;
use crate::client::{Client, DEFAULT_ADDRESS};
use crate::exit::{Exit, Failed, Outcome, UNREACHABLE};
use crate::local::{self, Holder};
use crate::options::{Cli, Command, Global, Kept, RunArg};
use crate::output::Output;
use crate::project;

/// What every command is given.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// How to talk.
    pub(crate) out: Output,
    /// Options of all commands.
    pub(crate) global: Global,
}

/// A server and the namespace to use there.
pub(crate) struct Remote {
    /// The server.
    pub(crate) api: SharedApi,
    /// The namespace.
    pub(crate) namespace: String,
    /// What a command needs to be given to ask the same, with a space before.
    pub(crate) reach: String,
    /// Whether it is data that nobody serves: nothing goes on there.
    pub(crate) at_rest: bool,
    /// Whether it comes back when it is away: neither data at rest nor a command that has a folder for a while.
    pub(crate) returns: bool,
}

impl Context {
    /// The server that the options, the environment or `weft.toml` name; where nothing does and none answers at the
    /// usual address, the process that has the data of the current project.
    ///
    /// # Errors
    /// If the address or `weft.toml` is wrong.
    pub(crate) async fn remote(&self) -> Result<Remote, Failed> {
        match self.nearby().await? {
            (_, Some(Nearby { holder: Some(holder), folder })) => self.of_holder(&holder, &folder),
            (_, Some(Nearby { holder: None, folder })) => {
                let what = format!("nothing serves the runs in {} now, and no server answers", local::shown(&folder));
                Err(Failed::new(Exit::Unreachable, UNREACHABLE, what).help(
                    "`weft run FILE --continue ID` goes on with a run, `weft dev` with all; \
                     a server elsewhere is named by --address or WEFT_ADDRESS",
                ))
            }
            (remote, None) => Ok(remote),
        }
    }

    /// The same to ask questions only: then data that nobody serves will do.
    ///
    /// # Errors
    /// As [`Context::remote`], and if the data cannot be read.
    pub(crate) async fn reader(&self, kept: &Kept) -> Result<Remote, Failed> {
        let nearby = match &kept.data {
            Some(data) => {
                let folder = local::data_folder(data);
                Nearby { holder: local::holder(&folder), folder }
            }
            None => match self.nearby().await? {
                (_, Some(nearby)) => nearby,
                (remote, None) => return Ok(remote),
            },
        };
        if let Some(holder) = &nearby.holder {
            return self.of_holder(holder, &nearby.folder);
        }
        let shown = local::shown(&nearby.folder);
        let api = Arc::new(local::look(&nearby.folder).await?);
        self.out.note("at_rest", &format!("looking at {shown}, which nothing serves now"), json!({ "data": shown }));
        let namespace = self.namespace(&project::config_of_data(&nearby.folder)?)?;
        Ok(Remote {
            api,
            namespace,
            reach: format!(" --data {}", shell_words::quote(&shown)),
            at_rest: true,
            returns: false,
        })
    }

    /// The server that is meant, and the data of the current project if no address is given and none answers.
    async fn nearby(&self) -> Result<(Remote, Option<Nearby>), Failed> {
        let known = self.global.address.is_some() && self.global.namespace.is_some() && self.global.env.is_none();
        let config = if known { project::Config::default() } else { project::nearby_config()? };
        let remote = self.remote_of(&config)?;
        let folder = project::nearby_folder().map(|root| root.join(local::FOLDER)).filter(|f| local::has_data(f));
        let (None, None, Some(folder)) = (&self.global.address, &self.global.env, folder) else {
            return Ok((remote, None));
        };
        match remote.api.ready().await {
            Err(error) if error.code == UNREACHABLE => {
                let holder = local::holder(&folder);
                Ok((remote, Some(Nearby { holder, folder })))
            }
            _ => Ok((remote, None)),
        }
    }

    /// The server in the process that has a folder.
    fn of_holder(&self, holder: &Holder, folder: &Path) -> Result<Remote, Failed> {
        let namespace = self.namespace(&project::config_of_data(folder)?)?;
        if holder.address.is_empty() {
            return Err(Failed::new(Exit::Unreachable, UNREACHABLE, format!("{holder} has {}", local::shown(folder)))
                .help("say where it listens with --address"));
        }
        let api = Arc::new(Client::new(&holder.address)?);
        Ok(Remote { api, namespace, reach: format!(" --address {}", holder.address), at_rest: false, returns: false })
    }

    /// The same for a project at hand.
    ///
    /// # Errors
    /// If the address is wrong or `--env` names no server.
    pub(crate) fn remote_of(&self, config: &project::Config) -> Result<Remote, Failed> {
        let (address, reach) = self.address(config)?;
        let namespace = self.namespace(config)?;
        Ok(Remote { api: Arc::new(Client::new(&address)?), namespace, reach, at_rest: false, returns: true })
    }

    /// The address that is meant, and the option by which the next command reaches it: options are typed again, what
    /// the environment says holds for the next command as well. An option goes before a variable of the environment.
    fn address(&self, config: &project::Config) -> Result<(String, String), Failed> {
        let typed = self.global.typed;
        if typed.address && typed.env {
            return Err(
                Failed::usage("the server is given twice, by --address and by --env").help("use one of the two")
            );
        }
        // A name that is wrong is told whether or not it is needed.
        let named = self.global.env.as_deref().map(|env| named(config, env).map(|found| (env, found))).transpose()?;
        Ok(match (&self.global.address, named) {
            (Some(address), named) if named.is_none() || !typed.env => {
                let reach =
                    if typed.address { format!(" --address {}", shell_words::quote(address)) } else { String::new() };
                (address.clone(), reach)
            }
            (_, Some((env, found))) => {
                let reach = if typed.env { format!(" --env {}", shell_words::quote(env)) } else { String::new() };
                (found.to_owned(), reach)
            }
            _ => (DEFAULT_ADDRESS.to_owned(), String::new()),
        })
    }

    /// The namespace of the options, the environment or a project.
    ///
    /// # Errors
    /// If the option cannot be one; a project's was looked at when it was read.
    pub(crate) fn namespace(&self, config: &project::Config) -> Result<String, Failed> {
        match &self.global.namespace {
            Some(given) if !is_namespace(given) => Err(Failed::usage(format!("`{given}` cannot name a namespace"))
                .help(format!("a namespace is {NAMESPACE_RULE}"))),
            Some(given) => Ok(given.clone()),
            None => Ok(config.namespace.clone().unwrap_or_else(|| "default".to_owned())),
        }
    }
}

/// The address of a server that `weft.toml` names.
fn named<'a>(config: &'a project::Config, env: &str) -> Result<&'a str, Failed> {
    config.env.get(env).map(|found| found.address.as_str()).ok_or_else(|| {
        let known: Vec<_> = config.env.keys().map(|k| format!("`{k}`")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Failed::usage(format!("weft.toml has no [env.{env}]"))
            .why(format!("servers named there: {known}"))
            .help(format!("add `[env.{env}]` with `address = \"https://…\"`, or use --address"))
    })
}

/// The data of the current project.
struct Nearby {
    holder: Option<Holder>,
    folder: PathBuf,
}

impl Remote {
    /// A run here.
    pub(crate) fn run(&self, run: &RunArg) -> RunKey {
        RunKey { namespace: self.namespace.clone(), workflow_id: run.id.clone(), run_id: run.run.clone() }
    }
}

/// Does what the command line says.
///
/// # Errors
/// Says what failed, why, and what to do next.
pub(crate) async fn act(context: &Context, cli: Cli) -> Outcome {
    match cli.command {
        Command::New(options) => new::new(context, &options),
        Command::Check(options) => check::check(context, &options),
        Command::Build(options) => build::build(context, &options),
        Command::Fix(options) => fix::fix(context, &options),
        Command::Graph(options) => graph::graph(context, &options),
        Command::Test(options) => test::test(context, options).await,
        Command::Fmt(options) => fmt::fmt(context, &options),
        Command::Lsp => lsp::lsp().await,
        Command::Explain(options) => explain::explain(context, &options),
        Command::Spec => spec::spec(context),
        Command::Bench(options) => bench::bench(context, &options).await,
        Command::Run(options) => run::run(context, &options).await,
        Command::Dev(options) => dev::dev(context, &options).await,
        Command::Serve(options) => serve::serve(context, &options).await,
        Command::Deploy(options) => deploy::deploy(context, &options).await,
        Command::Start(options) => start::start(context, &options).await,
        Command::Result(options) => result::result(context, &options).await,
        Command::Signal(options) => message::signal(context, &options).await,
        Command::Update(options) => update::update(context, &options).await,
        Command::Query(options) => message::query(context, &options).await,
        Command::Cancel(options) => stop::cancel(context, &options).await,
        Command::Terminate(options) => stop::terminate(context, &options).await,
        Command::Reset(options) => reset::reset(context, &options).await,
        Command::Delete(options) => stop::delete(context, &options).await,
        Command::Schedule(asked) => schedule::schedule(context, &asked).await,
        Command::Activity(command) => activity::activity(context, &command).await,
        Command::List(options) => list::list(context, &options).await,
        Command::Count(options) => count::count(context, &options).await,
        Command::Namespace(options) => namespace::namespace(context, &options).await,
        Command::Show(options) => show::show(context, &options).await,
        Command::Describe(options) => describe::describe(context, &options).await,
        Command::Patches(options) => patches::patches(context, &options).await,
        Command::Export(options) => export::export(context, &options).await,
        Command::Replay(options) => replay::replay(context, options).await,
    }
}

/// Reads a duration as the language writes it.
///
/// # Errors
/// Says what a duration looks like.
pub(crate) fn duration(option: &str, text: &str) -> Result<Duration, Failed> {
    let millis = weft_bytecode::wire::text::parse_duration(text).and_then(|ms| u64::try_from(ms).ok());
    millis.map(Duration::from_millis).ok_or_else(|| {
        Failed::usage(format!("{option}: `{text}` is not a duration"))
            .help("a duration looks like 30s, 500ms, 1h30m or 7d")
    })
}

/// How this command is called here: what can be typed in the same folder.
pub(crate) fn program_name() -> String {
    match std::env::args().next() {
        Some(name) if name.contains('/') => name,
        _ => "weft".to_owned(),
    }
}
