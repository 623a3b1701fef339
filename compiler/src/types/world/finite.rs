//! WF1013 for types: those that must contain a value of their own could never be made.

use rustc_hash::{FxHashMap, FxHashSet};

use super::World;
use crate::diagnostic::Diagnostic;
use crate::types::{DefId, Kind, Ty};

/// Types made of declarations with type parameters that are looked at; the others count as fine.
const MADE_MAX: usize = 1000;
/// How large the types may be that they are made with.
const SIZE_MAX: usize = 64;

/// A nominal type, and what one value of it is made of.
#[derive(Debug, Default)]
struct Node {
    /// Ways to make one: each with the types of which it needs a value.
    ways: Vec<Vec<DefId>>,
    /// Who needs one.
    users: Vec<DefId>,
    finite: bool,
}

impl World<'_> {
    /// A record, an error or an enum of which no value ends could never be made.
    pub(super) fn refuse_endless(&self) {
        let nodes = self.nodes();
        let mut told: FxHashSet<DefId> = FxHashSet::default();
        for id in circling(&nodes) {
            let needed = reached(id, |id| nodes[&id].ways.concat(), &nodes);
            if told.contains(&id) || !needed.contains(&id) {
                continue;
            }
            // One circle is one mistake.
            let needing = reached(id, |id| nodes[&id].users.clone(), &nodes);
            told.extend(needed.intersection(&needing));
            let def = self.types.def(id);
            let Some(span) = def.span else { continue };
            let mut d = Diagnostic::error("WF1013", span, format!("`{}` contains itself without end", def.name))
                .label("no value of this type could be made");
            if let Kind::Enum(_) = self.types.kind(self.types.def_ty(id)) {
                d = d.why("each of its variants needs a value of the type first");
            }
            self.report(d.help(match def.variants.is_empty() {
                true => "put the inner one into a `List<..>` or make it optional with `?`",
                false => "give it a variant without itself, put the inner one into a `List<..>`, or make it optional with `?`",
            }));
        }
    }

    /// The types of the project and what they are made with.
    fn nodes(&self) -> FxHashMap<DefId, Node> {
        let mut nodes: FxHashMap<DefId, Node> = FxHashMap::default();
        let mut todo: Vec<DefId> = (0..self.types.def_count() as u32).map(DefId).collect();
        let mut ready: Vec<DefId> = Vec::new();
        let mut made = 0;
        while let Some(id) = todo.pop() {
            if nodes.contains_key(&id) {
                continue;
            }
            let mut ways = Vec::new();
            let large = self.types.made_of(id).is_some_and(|(_, args)| {
                made += 1;
                made > MADE_MAX || self.types.size_of_all(&args) > SIZE_MAX
            });
            if !large {
                let def = self.types.def(id);
                if def.variants.is_empty() {
                    ways.push(self.needed(def.fields.iter().map(|f| f.ty)));
                } else {
                    ways.extend(def.variants.iter().map(|v| self.needed(v.fields.iter().map(|f| f.ty))));
                }
            }
            todo.extend(ways.iter().flatten());
            if large || ways.iter().any(Vec::is_empty) {
                ready.push(id);
            }
            nodes.insert(id, Node { ways, ..Node::default() });
        }
        // Once for each way, as the ways are gone through again.
        let needs: Vec<(DefId, DefId)> =
            nodes.iter().flat_map(|(id, node)| node.ways.iter().flatten().map(|needed| (*needed, *id))).collect();
        for (needed, user) in needs {
            nodes.entry(needed).or_default().users.push(user);
        }
        while let Some(id) = ready.pop() {
            let Some(node) = nodes.get_mut(&id).filter(|node| !node.finite) else { continue };
            node.finite = true;
            let users = node.users.clone();
            let now = users
                .into_iter()
                .filter(|user| nodes[user].ways.iter().any(|way| way.iter().all(|needed| nodes[needed].finite)));
            ready.extend(now);
        }
        nodes
    }

    /// The nominal types of which values are needed for one of each of these.
    fn needed(&self, types: impl Iterator<Item = Ty>) -> Vec<DefId> {
        let mut found = Vec::new();
        let mut todo: Vec<Ty> = types.collect();
        while let Some(ty) = todo.pop() {
            match self.types.kind(ty) {
                Kind::Record(id) | Kind::Error(id) | Kind::Enum(id) => found.push(id),
                Kind::Tuple(items) => todo.extend(items.iter().copied()),
                Kind::Shape(fields) => todo.extend(fields.iter().map(|(_, ty)| *ty)),
                _ => {}
            }
        }
        found.sort_unstable_by_key(|id| id.0);
        found.dedup();
        found
    }
}

/// The types without an end, but for those that only hold one of them, in the order of their declarations.
fn circling(nodes: &FxHashMap<DefId, Node>) -> Vec<DefId> {
    let endless = |id: &DefId| !nodes[id].finite;
    let mut users: FxHashMap<DefId, usize> = FxHashMap::default();
    for (id, node) in nodes.iter().filter(|(_, node)| !node.finite) {
        users.insert(*id, node.users.iter().filter(|user| endless(user)).count());
    }
    let mut only_hold: Vec<DefId> = users.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
    while let Some(id) = only_hold.pop() {
        users.remove(&id);
        for needed in nodes[&id].ways.iter().flatten() {
            let Some(count) = users.get_mut(needed) else { continue };
            *count = count.saturating_sub(1);
            if *count == 0 {
                only_hold.push(*needed);
            }
        }
    }
    let mut left: Vec<DefId> = users.into_keys().collect();
    left.sort_unstable_by_key(|id| id.0);
    left
}

/// The types without an end that one leads to, at any distance.
fn reached(from: DefId, next: impl Fn(DefId) -> Vec<DefId>, nodes: &FxHashMap<DefId, Node>) -> FxHashSet<DefId> {
    let mut seen = FxHashSet::default();
    let mut todo = vec![from];
    while let Some(id) = todo.pop() {
        for other in next(id) {
            if !nodes[&other].finite && seen.insert(other) {
                todo.push(other);
            }
        }
    }
    seen
}
