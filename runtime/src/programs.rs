//! Programs in memory: each loaded once per hash, and which is current for a workflow name.

use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use weft_bytecode::ProgramHash;
use weft_vm::Loaded;

use crate::filter::{self, Kind, Schema};

/// The loaded programs of a node.
#[derive(Debug, Default)]
pub struct Programs {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    loaded: FxHashMap<ProgramHash, Arc<Loaded>>,
    /// Namespace → programs of its projects, the oldest deploy first.
    projects: FxHashMap<Arc<str>, Vec<Arc<Loaded>>>,
    /// Namespace → search attributes ever deployed there.
    schemas: FxHashMap<Arc<str>, Schema>,
}

impl Programs {
    /// A program that was loaded before.
    pub fn get(&self, hash: ProgramHash) -> Option<Arc<Loaded>> {
        self.read().loaded.get(&hash).cloned()
    }

    /// Keeps a loaded program; who comes second gets the first's.
    pub fn keep(&self, program: Arc<Loaded>) -> Arc<Loaded> {
        self.write().loaded.entry(program.hash()).or_insert(program).clone()
    }

    /// Makes a program current for its project; false if it was already.
    pub fn make_current(&self, namespace: &str, program: Arc<Loaded>) -> bool {
        self.declare(namespace, filter::attributes_of(program.program()).map(|(_, name, kind)| (name, kind)));
        let mut inner = self.write();
        let projects = inner.projects.entry(namespace.into()).or_default();
        let before = projects.iter().position(|other| other.program().project == program.program().project);
        let before = before.map(|at| projects.remove(at));
        projects.push(program.clone());
        before.is_none_or(|before| before.hash() != program.hash())
    }

    /// The current code of a workflow: that of the newest deploy, should two projects have it.
    pub fn current(&self, namespace: &str, workflow: &str) -> Option<(Arc<Loaded>, u16)> {
        let inner = self.read();
        inner
            .projects
            .get(namespace)?
            .iter()
            .rev()
            .find_map(|program| program.program().workflow(workflow).map(|(index, _)| (program.clone(), index)))
    }

    /// A workflow name of `program` that another project of the namespace declares already, and that project.
    pub fn clash(&self, namespace: &str, program: &weft_bytecode::Program) -> Option<(String, String)> {
        let inner = self.read();
        let projects = inner.projects.get(namespace)?;
        projects.iter().map(|other| other.program()).filter(|other| other.project != program.project).find_map(
            |other| {
                let both = program.workflows.iter().find(|w| other.workflow(&w.name).is_some())?;
                Some((both.name.clone(), other.project.clone()))
            },
        )
    }

    /// A search attribute that workflows of the namespace would disagree about if `program` became current, and how.
    pub fn disagreement(&self, namespace: &str, program: &weft_bytecode::Program) -> Option<(String, String)> {
        let inner = self.read();
        let others = inner.projects.get(namespace).into_iter().flatten().map(|other| &**other.program());
        filter::disagreement(others.filter(|other| other.project != program.project).chain([program]))
    }

    /// Search attributes of a namespace were deployed; of one name the newest word holds.
    pub fn declare<'a>(&self, namespace: &str, attributes: impl IntoIterator<Item = (&'a str, Kind)>) {
        let mut inner = self.write();
        let schema = inner.schemas.entry(namespace.into()).or_default();
        schema.attributes.extend(attributes.into_iter().map(|(name, kind)| (name.to_owned(), kind)));
    }

    /// A namespace is gone: nothing is current there any more.
    pub fn forget(&self, namespace: &str) {
        let mut inner = self.write();
        inner.projects.remove(namespace);
        inner.schemas.remove(namespace);
    }

    /// The search attributes that filters of a namespace may name.
    pub fn schema(&self, namespace: &str) -> Schema {
        self.read().schemas.get(namespace).cloned().unwrap_or_default()
    }

    /// The current program of a project.
    pub fn project(&self, namespace: &str, project: &str) -> Option<Arc<Loaded>> {
        self.read().projects.get(namespace)?.iter().find(|program| program.program().project == project).cloned()
    }

    /// The current program of every project, with its namespace.
    pub fn all_current(&self) -> Vec<(Arc<str>, Arc<Loaded>)> {
        let inner = self.read();
        let all = inner.projects.iter();
        all.flat_map(|(namespace, projects)| projects.iter().map(|p| (namespace.clone(), p.clone()))).collect()
    }

    /// Names of all workflows of a namespace, sorted.
    pub fn workflows(&self, namespace: &str) -> Vec<String> {
        let inner = self.read();
        let programs = inner.projects.get(namespace).into_iter().flatten();
        let mut names: Vec<String> =
            programs.flat_map(|p| p.program().workflows.iter().map(|w| w.name.clone())).collect();
        names.sort();
        names.dedup();
        names
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}
