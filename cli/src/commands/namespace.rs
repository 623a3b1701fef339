//! `weft namespace`: create, look at, change and delete namespaces.

use serde_json::json;
use weft_protocol::api::{NamespaceChange, NamespaceInfo, NamespaceRequest};

use crate::exit::{Exit, Failed, Outcome};
use crate::options::{Namespace, NamespaceCommand, NamespaceOptions};
use crate::view::table::Table;

use super::Context;

/// Does what the subcommand says.
pub(crate) async fn namespace(context: &Context, options: &Namespace) -> Outcome {
    let remote = context.remote().await?;
    let api = &remote.api;
    match &options.command {
        NamespaceCommand::Create(options) => {
            let NamespaceOptions { name, retention, description } = options.clone();
            let made = api.create_namespace(NamespaceRequest { name, retention, description }).await?;
            said(context, &made, "is created")
        }
        NamespaceCommand::Update(options) => {
            let NamespaceOptions { name, retention, description } = options.clone();
            if retention.is_none() && description.is_none() {
                return Err(Failed::usage("nothing is to be changed").help("give --retention, --description or both"));
            }
            let changed = api.change_namespace(&name, NamespaceChange { retention, description }).await?;
            said(context, &changed, "is changed")
        }
        NamespaceCommand::Describe { name } => {
            let found = api.namespace(name).await?;
            if context.out.json {
                context.out.value(&found)?;
            } else {
                context.out.data(&described(&found))?;
            }
            Ok(Exit::Done)
        }
        NamespaceCommand::List => {
            let all = api.namespaces().await?.namespaces;
            if context.out.json {
                all.iter().try_for_each(|namespace| context.out.value(namespace))?;
                return Ok(Exit::Done);
            }
            let mut table = Table::new(&["NAMESPACE", "RETENTION", "WORKFLOWS", "DESCRIPTION"]);
            for namespace in all {
                let workflows = namespace.workflows.len().to_string();
                table.row(vec![namespace.name, namespace.retention, workflows, namespace.description], None);
            }
            context.out.data(&table.print(context.out.color_out))?;
            Ok(Exit::Done)
        }
        NamespaceCommand::Delete { name } => {
            api.delete_namespace(name).await?;
            if context.out.json {
                context.out.value(&json!({ "namespace": name, "deleted": true }))?;
            } else {
                context.out.say(&format!("namespace `{name}` is deleted; its closed runs go now"));
            }
            Ok(Exit::Done)
        }
    }
}

fn said(context: &Context, namespace: &NamespaceInfo, what: &str) -> Outcome {
    if context.out.json {
        context.out.value(namespace)?;
    } else {
        let (name, retention) = (&namespace.name, &namespace.retention);
        context.out.say(&format!("namespace `{name}` {what}; closed runs are kept for {retention}"));
    }
    Ok(Exit::Done)
}

fn described(namespace: &NamespaceInfo) -> String {
    let attributes: Vec<String> = namespace.attributes.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
    let none_or = |words: Vec<String>| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    let lines = [
        ("namespace", namespace.name.clone()),
        ("retention", namespace.retention.clone()),
        ("description", namespace.description.clone()),
        ("created", namespace.created_at.clone().unwrap_or_else(|| "with the store".into())),
        ("workflows", none_or(namespace.workflows.clone())),
        ("attributes", none_or(attributes)),
    ];
    lines.iter().filter(|(_, text)| !text.is_empty()).fold(String::new(), |mut out, (name, text)| {
        out.push_str(&format!("{name:<12} {}\n", crate::view::safe::safe_line(text)));
        out
    })
}
