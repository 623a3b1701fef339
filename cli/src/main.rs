//! The command `weft`: read the command line, act, report.

mod args;
mod bench;
mod client;
mod commands;
mod compile;
mod exit;
mod local;
mod options;
mod output;
mod project;
mod view;

use std::process::ExitCode;

use crate::commands::Context;
use crate::exit::{Exit, Failed, Outcome};
use crate::options::Cli;
use crate::output::Output;

/// Runs are made on one thread and dropped on another, which is where the C library's allocator waits for itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::read();
    let context = Context { out: Output::new(cli.global.json, cli.global.color), global: cli.global.clone() };
    let exit = act(&context, cli).unwrap_or_else(|failed| {
        context.out.failed(&failed);
        failed.exit
    });
    ExitCode::from(exit as u8)
}

fn act(context: &Context, cli: Cli) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failed::io("cannot start the threads of this program", &e))?;
    let minds_interrupts = cli.command.minds_interrupts();
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = commands::act(context, cli) => outcome,
            _ = tokio::signal::ctrl_c(), if !minds_interrupts => Err(Failed::silent(Exit::Interrupted)),
        }
    });
    // What still runs in the background has nothing left to say.
    runtime.shutdown_background();
    outcome
}
