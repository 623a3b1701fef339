//! `weft count`: how many runs there are.

use weft_protocol::api::{CountBy, CountQuery};

use crate::exit::{Exit, Outcome};
use crate::options::{Count, Group};
use crate::view::table::Table;

use super::Context;
use super::select::selection;

/// Counts runs.
pub(crate) async fn count(context: &Context, options: &Count) -> Outcome {
    let by = options.by.map(|by| match by {
        Group::Status => CountBy::Status,
        Group::Workflow => CountBy::Workflow,
    });
    let query = CountQuery { select: selection(&options.select)?, by };
    let remote = context.reader(&options.kept).await?;
    let counted = remote.api.count(&remote.namespace, query).await?;
    if context.out.json {
        context.out.value(&counted)?;
    } else if options.by.is_none() {
        context.out.data(&format!("{}\n", counted.count))?;
    } else {
        let name = if matches!(options.by, Some(Group::Status)) { "STATUS" } else { "WORKFLOW" };
        let mut table = Table::new(&[name, "RUNS"]);
        for group in &counted.groups {
            table.row(vec![group.group.clone(), group.count.to_string()], None);
        }
        table.row(vec!["all".into(), counted.count.to_string()], None);
        context.out.data(&table.print(context.out.color_out))?;
    }
    Ok(Exit::Done)
}
