//! `weft export`: whole histories for `weft replay`, as JSON lines under a line that names their form.

use serde_json::{Value, json};
use weft_protocol::api::ListQuery;
use weft_runtime::api::RunKey;

use crate::exit::{Exit, Failed, Outcome};
use crate::options::Export;

use super::Context;
use super::replay::VERSION;
use super::show::read_all;

/// Runs asked for at once.
const PAGE: usize = 500;

/// Writes histories.
pub(crate) async fn export(context: &Context, options: &Export) -> Outcome {
    let remote = context.reader(&options.kept).await?;
    let namespace = &remote.namespace;
    let key = |workflow_id: &str, run_id: Option<String>| RunKey {
        namespace: namespace.clone(),
        workflow_id: workflow_id.to_owned(),
        run_id,
    };
    for id in &options.ids {
        one(context, &remote.api, key(id, options.run.clone())).await?;
    }
    let Some(workflow) = &options.workflow else { return Ok(Exit::Done) };
    let mut query = ListQuery::default();
    query.select.workflow = Some(workflow.clone());
    let mut left = options.limit.get();
    while left > 0 {
        query.limit = Some(left.min(PAGE));
        let page = remote.api.list(namespace, query.clone()).await?;
        left = left.saturating_sub(page.runs.len());
        for row in page.runs {
            one(context, &remote.api, key(&row.workflow_id, Some(row.run_id))).await?;
        }
        query.cursor = page.cursor;
        if query.cursor.is_none() {
            return Ok(Exit::Done);
        }
    }
    context.out.say(&format!("there are more than {}; --limit writes more", options.limit));
    Ok(Exit::Done)
}

async fn one(context: &Context, api: &weft_runtime::api::SharedApi, mut run: RunKey) -> Result<(), Failed> {
    let mut head = true;
    read_all(api, &mut run, |event: &Value| {
        if std::mem::take(&mut head) {
            context.out.value(&json!({
                "weft_history": VERSION,
                "workflow": event["workflow"],
                "workflow_id": event["workflow_id"],
                "run_id": event["run_id"],
            }))?;
        }
        context.out.value(event)
    })
    .await
}
