//! `weft list`: runs, newest start first, as a table or JSON lines.

use weft_protocol::api::{ListQuery, RunRow};

use crate::exit::{Exit, Failed, Outcome};
use crate::options::List;
use crate::output::style;
use crate::view::table::Table;

use super::Context;
use super::result::status_style;
use super::select::selection;

/// Runs asked for at once.
const PAGE: usize = 500;

/// Lists runs.
pub(crate) async fn list(context: &Context, options: &List) -> Outcome {
    let mut query = ListQuery { select: selection(&options.select)?, limit: None, cursor: None };
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
