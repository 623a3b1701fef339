//! Namespaces: created, described, changed, deleted.

use std::sync::Arc;

use futures::future::join_all;
use weft_bytecode::wire::text;
use weft_protocol::api::{ApiError, NamespaceChange, NamespaceInfo, NamespaceRequest};
use weft_protocol::id::is_namespace;
use weft_protocol::{PartitionId, WorkflowId};

use super::{Core, Shared};
use crate::filter::Filter;
use crate::namespaces::{
    DEFAULT, DESCRIPTION_BYTES_MAX, NAMESPACES_MAX, Namespace, RETENTION_MS_MAX, RETENTION_MS_MIN,
};
use crate::partition::request::{Answer, Key, OpenPage, Request};
use crate::refusal;
use crate::store::Claim;

impl Shared {
    pub(super) fn namespaces(&self) -> Result<Vec<NamespaceInfo>, ApiError> {
        self.core()?;
        let there = self.namespaces.all().into_iter().filter(|namespace| !namespace.deleted);
        Ok(there.map(|namespace| self.info(&namespace)).collect())
    }

    pub(super) fn describe_namespace(&self, name: &str) -> Result<NamespaceInfo, ApiError> {
        self.core()?;
        self.namespaces.get(name).map(|namespace| self.info(&namespace))
    }

    pub(super) async fn create_namespace(&self, request: NamespaceRequest) -> Result<NamespaceInfo, ApiError> {
        let (core, by) = (self.work()?, self.claim()?);
        if !is_namespace(&request.name) {
            return Err(refusal::wrong_namespace(&request.name));
        }
        let mut namespace = Namespace::new(&request.name, self.options.clock.now());
        change(&mut namespace, request.retention.as_deref(), request.description)?;
        let _one_at_a_time = self.deploying.lock().await;
        if let Some(there) = self.namespaces.find(&request.name) {
            return Err(refusal::namespace_exists(&there.name, there.deleted));
        }
        if self.namespaces.all().len() >= NAMESPACES_MAX {
            return Err(refusal::limit("NAMESPACES_MAX"));
        }
        self.keep(core, by, namespace).await
    }

    pub(super) async fn change_namespace(&self, name: &str, to: NamespaceChange) -> Result<NamespaceInfo, ApiError> {
        let (core, by) = (self.work()?, self.claim()?);
        let _one_at_a_time = self.deploying.lock().await;
        let mut namespace = self.namespaces.get(name)?;
        change(&mut namespace, to.retention.as_deref(), to.description)?;
        self.keep(core, by, namespace).await
    }

    /// Deletes a namespace without open runs. Nothing can be asked of it from now on; its closed runs go in pieces, and
    /// then its name is free.
    pub(super) async fn delete_namespace(&self, name: &str) -> Result<(), ApiError> {
        let (core, by) = (self.work()?, self.claim()?);
        let _one_at_a_time = self.deploying.lock().await;
        let namespace = self.namespaces.get(name)?;
        if name == DEFAULT {
            return Err(refusal::default_stays());
        }
        // First nobody can start anything, then it is looked whether anything runs.
        let _barred = self.namespaces.bar(name);
        match self.open_in(core, name).await? {
            0 => self.keep(core, by, Namespace { deleted: true, ..namespace }).await?,
            open => return Err(refusal::namespace_in_use(name, open)),
        };
        self.programs.forget(name);
        Ok(())
    }

    async fn keep(&self, core: &Core, by: Claim, namespace: Namespace) -> Result<NamespaceInfo, ApiError> {
        core.journal.put_namespace(by, &namespace).await.map_err(|error| refusal::of_store(&error))?;
        let info = self.info(&namespace);
        self.namespaces.put(namespace);
        Ok(info)
    }

    async fn open_in(&self, core: &Core, name: &str) -> Result<u64, ApiError> {
        let all = (0..core.links.partitions()).map(PartitionId);
        let ask = |part| core.links.ask(part, Request::Count(name.into(), Arc::new(Filter::all())));
        let mut count = 0;
        for answer in join_all(all.map(ask)).await {
            if let Answer::Counts { open, .. } = answer? {
                count += open.values().sum::<u64>();
            }
        }
        Ok(count)
    }

    /// Ends the runs that are open in a namespace which nobody can reach any more; how many there may still be.
    pub(super) async fn end_all(&self, core: &Core, name: &str) -> usize {
        let (namespace, filter): (Arc<str>, _) = (name.into(), Arc::new(Filter::all()));
        let limit = self.limits.page_rows_max;
        let mut open = 0;
        for part in (0..core.links.partitions()).map(PartitionId) {
            // First nothing begins any more.
            let dropped = core.links.ask(part, Request::DropSchedules(namespace.clone())).await;
            open += usize::from(dropped.is_err());
            let page = OpenPage { namespace: namespace.clone(), filter: filter.clone(), after: None, limit };
            match core.links.ask(part, Request::List(page)).await {
                Ok(Answer::Rows(rows)) => {
                    open += rows.len();
                    for row in rows {
                        let workflow_id = WorkflowId::from(row.row.workflow_id.as_str());
                        let key = Key { namespace: namespace.clone(), workflow_id, run_id: Some(row.run_id) };
                        let reason = "its namespace was deleted".to_owned();
                        // It is looked at again, whatever comes of it.
                        let _ = core.links.ask(part, Request::Terminate { key, reason }).await;
                    }
                }
                _ => open += 1,
            }
        }
        open
    }

    fn info(&self, namespace: &Namespace) -> NamespaceInfo {
        let attributes = self.programs.schema(&namespace.name).attributes;
        NamespaceInfo {
            name: namespace.name.clone(),
            retention: text::duration(namespace.retention_ms),
            description: namespace.description.clone(),
            created_at: (namespace.created.0 != 0).then(|| text::time(namespace.created.0)),
            workflows: self.programs.workflows(&namespace.name),
            attributes: attributes.into_iter().map(|(name, kind)| (name, kind.name().to_owned())).collect(),
        }
    }
}

fn change(namespace: &mut Namespace, retention: Option<&str>, description: Option<String>) -> Result<(), ApiError> {
    if let Some(given) = retention {
        let range = RETENTION_MS_MIN..=RETENTION_MS_MAX;
        let read = text::parse_duration(given).filter(|ms| range.contains(ms));
        namespace.retention_ms = read.ok_or_else(|| {
            let wrong = ApiError::new(422, "wrong_input", format!("{given:?} is no retention"));
            wrong.at("retention", "a duration like `30d`, from 1s to 36600d")
        })?;
    }
    if let Some(text) = description {
        if text.len() > DESCRIPTION_BYTES_MAX || text.contains('\0') {
            return Err(refusal::too_large(
                "the description",
                text.len(),
                "DESCRIPTION_BYTES_MAX",
                DESCRIPTION_BYTES_MAX,
            ));
        }
        namespace.description = text;
    }
    Ok(())
}
