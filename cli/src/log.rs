//! What the node has to say while it works, on stderr: as lines, or JSON lines with `--json`. `WEFT_LOG` chooses what
//! (`warn`, `weft_runtime=debug`, …).

use tracing_subscriber::EnvFilter;

use crate::options::{Command, Global};
use crate::output::Output;

/// Begins to log, if the command has a node that could have something to say.
pub(crate) fn begin(command: &Command, global: &Global, out: &Output) {
    let usual = match command {
        Command::Serve(_) => "info",
        Command::Run(_) | Command::Dev(_) => "warn",
        _ => return,
    };
    let wanted = std::env::var("WEFT_LOG").unwrap_or_default();
    let filter = EnvFilter::builder().parse_lossy(if wanted.is_empty() { usual } else { &wanted });
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(out.color_err);
    // Fails only if a log was begun before, which then goes on.
    let _ = if global.json { lines.json().try_init() } else { lines.with_target(false).try_init() };
}
