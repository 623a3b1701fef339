//! Which runs a command is about: what the options of `weft list` and its like say.

use jiff::Timestamp;
use weft_protocol::api::{Selection, Status};

use crate::exit::Failed;
use crate::options::Select;

/// The selection of the options.
///
/// # Errors
/// If a status or time is none. The filter is read where the runs are.
pub(crate) fn selection(options: &Select) -> Result<Selection, Failed> {
    Ok(Selection {
        filter: options.filter.clone(),
        workflow: options.workflow.clone(),
        status: options.status.as_deref().map(status).transpose()?,
        stuck: options.stuck.then_some(true),
        started_after: options.started_after.as_deref().map(|t| time("--started-after", t)).transpose()?,
        started_before: options.started_before.as_deref().map(|t| time("--started-before", t)).transpose()?,
    })
}

/// A status by its name, in either spelling.
fn status(text: &str) -> Result<Status, Failed> {
    let all = [
        Status::Running,
        Status::Completed,
        Status::Failed,
        Status::Canceled,
        Status::Terminated,
        Status::TimedOut,
        Status::ContinuedAsNew,
    ];
    let plain = |t: &str| t.replace(['_', '-'], "").to_lowercase();
    all.into_iter().find(|s| plain(&format!("{s:?}")) == plain(text)).ok_or_else(|| {
        Failed::usage(format!("--status: no run has the status `{text}`"))
            .help("one of running, completed, failed, canceled, terminated, timed_out, continued_as_new; --stuck for stuck runs")
    })
}

/// A point in time, or how long ago.
pub(super) fn time(option: &str, text: &str) -> Result<String, Failed> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.to_string());
    }
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        return Ok(format!("{date}T00:00:00Z"));
    }
    let ago = super::duration(option, text).ok().and_then(|d| Timestamp::now().checked_sub(d).ok());
    ago.map(|t| t.to_string()).ok_or_else(|| {
        Failed::usage(format!("{option}: `{text}` is not a time"))
            .help("a time looks like 2026-06-01T09:00:00Z or 2026-06-01; 2h means two hours ago")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn statuses_are_read_in_either_spelling() {
        assert_eq!(status("timed_out").unwrap(), Status::TimedOut);
        assert_eq!(status("TimedOut").unwrap(), Status::TimedOut);
        assert_eq!(status("cancelled").unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn times_are_points_days_or_ago() {
        assert_eq!(time("--t", "2026-06-01T09:00:00+02:00").unwrap(), "2026-06-01T07:00:00Z");
        assert_eq!(time("--t", "2026-06-01").unwrap(), "2026-06-01T00:00:00Z");
        assert!(time("--t", "2h").unwrap().ends_with('Z'));
        assert_eq!(time("--t", "yesterday").unwrap_err().exit, Exit::Usage);
    }
}
