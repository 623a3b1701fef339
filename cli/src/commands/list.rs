//! `weft list`: runs, newest start first, as a table or JSON lines.

use jiff::Timestamp;
use weft_protocol::api::{ListQuery, RunRow, Status};

use crate::exit::{Exit, Failed, Outcome};
use crate::options::List;
use crate::output::style;
use crate::view::table::Table;

use super::Context;
use super::result::status_style;

/// Runs asked for at once.
const PAGE: usize = 500;

/// Lists runs.
pub(crate) async fn list(context: &Context, options: &List) -> Outcome {
    let mut query = ListQuery {
        workflow: options.workflow.clone(),
        status: options.status.as_deref().map(status).transpose()?,
        stuck: options.stuck.then_some(true),
        started_after: options.started_after.as_deref().map(|t| time("--started-after", t)).transpose()?,
        started_before: options.started_before.as_deref().map(|t| time("--started-before", t)).transpose()?,
        limit: None,
        cursor: None,
    };
    let remote = context.reader(&options.kept).await?;
    let mut left = options.limit.get();
    let mut rows = Vec::new();
    let mut more = false;
    while left > 0 {
        query.limit = Some(left.min(PAGE));
        let page = remote.api.list(&remote.namespace, query.clone()).await?;
        left = left.saturating_sub(page.runs.len());
        if context.out.json {
            page.runs.iter().try_for_each(|row| context.out.value(row))?;
        } else {
            rows.extend(page.runs);
        }
        query.cursor = page.cursor;
        more = query.cursor.is_some();
        if !more {
            break;
        }
    }
    if !context.out.json {
        print(context, &rows)?;
    }
    if more {
        context.out.say(&format!("there are more than {}; --limit shows more", options.limit));
    }
    Ok(Exit::Done)
}

fn print(context: &Context, rows: &[RunRow]) -> Result<(), Failed> {
    if rows.is_empty() {
        context.out.say("no runs");
        return Ok(());
    }
    let mut table = Table::new(&["WORKFLOW ID", "WORKFLOW", "STATUS", "STARTED", "CLOSED"]);
    for row in rows {
        let (text, color) = match row.stuck {
            true => ("Stuck".to_owned(), style::ERROR),
            false => (format!("{:?}", row.status), status_style(row.status)),
        };
        let closed = row.closed_at.as_deref().map_or("", seconds);
        let mut cells =
            [row.workflow_id.as_str(), &row.workflow, &text, seconds(&row.started_at), closed].map(String::from);
        cells[4].push_str(if row.closed_at.is_some() { "Z" } else { "" });
        cells[3].push('Z');
        table.row(cells.to_vec(), Some((2, color)));
    }
    context.out.data(&table.print(context.out.color_out))
}

/// A time down to seconds.
fn seconds(time: &str) -> &str {
    time.split(['.', 'Z']).next().unwrap_or(time)
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
fn time(option: &str, text: &str) -> Result<String, Failed> {
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
