//! WF1013 for types: those that must contain a value of their own could never be made.

use rustc_hash::FxHashMap;

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
    /// For each way, how many of them are not known to have an end.
    open: Vec<usize>,
    /// Who needs one, and in which way.
    users: Vec<(DefId, usize)>,
    finite: bool,
}

impl World<'_> {
    /// A record, an error or an enum of which no value ends could never be made.
    pub(super) fn refuse_endless(&self) {
        let nodes = self.nodes();
        // One circle is one mistake.
        for id in circles(&nodes) {
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
            let open = ways.iter().map(Vec::len).collect();
            nodes.insert(id, Node { ways, open, ..Node::default() });
        }
        let each = |(id, node): (&DefId, &Node)| {
            let id = *id;
            let ways = node.ways.iter().enumerate();
            ways.flat_map(move |(way, all)| all.iter().map(move |needed| (*needed, (id, way)))).collect::<Vec<_>>()
        };
        let needs: Vec<_> = nodes.iter().flat_map(each).collect();
        for (needed, user) in needs {
            nodes.entry(needed).or_default().users.push(user);
        }
        while let Some(id) = ready.pop() {
            let Some(node) = nodes.get_mut(&id).filter(|node| !node.finite) else { continue };
            node.finite = true;
            for (user, way) in std::mem::take(&mut node.users) {
                let Some(open) = nodes.get_mut(&user).and_then(|user| user.open.get_mut(way)) else { continue };
                *open -= 1;
                if *open == 0 {
                    ready.push(user);
                }
            }
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

/// The first type of each circle: of types without an end that need each other, or of one that needs itself. In the order
/// of their declarations.
fn circles(nodes: &FxHashMap<DefId, Node>) -> Vec<DefId> {
    let needed = |id: DefId| {
        let all = nodes.get(&id).into_iter().flat_map(|node| node.ways.iter().flatten().copied());
        all.filter(|id| !nodes[id].finite).collect::<Vec<_>>()
    };
    let mut starts: Vec<DefId> = nodes.iter().filter(|(_, node)| !node.finite).map(|(id, _)| *id).collect();
    starts.sort_unstable_by_key(|id| id.0);
    let mut found = Vec::new();
    // Gabow's way to strongly connected components: `open` has the types whose circle is not known as a whole, and `heads`
    // the places there where one may begin. A type has its place in `open`; none when its circle is known.
    let mut places: FxHashMap<DefId, Option<usize>> = FxHashMap::default();
    let (mut open, mut heads, mut way) = (Vec::new(), Vec::new(), Vec::new());
    for start in starts {
        let mut next = Some(start).filter(|start| !places.contains_key(start));
        loop {
            if let Some(id) = next.take() {
                places.insert(id, Some(open.len()));
                heads.push(open.len());
                open.push(id);
                way.push((id, needed(id)));
            }
            let Some((id, todo)) = way.last_mut() else { break };
            if let Some(other) = todo.pop() {
                match places.get(&other) {
                    None => next = Some(other),
                    Some(Some(place)) => heads.truncate(heads.partition_point(|head| head <= place)),
                    Some(None) => {}
                }
                continue;
            }
            let id = *id;
            way.pop();
            let place = places.get(&id).copied().flatten();
            if let Some(place) = place.filter(|place| heads.last() == Some(place)) {
                heads.pop();
                let circle = open.split_off(place);
                places.extend(circle.iter().map(|id| (*id, None)));
                if circle.len() > 1 || needed(id).contains(&id) {
                    found.extend(circle.into_iter().min_by_key(|id| id.0));
                }
            }
        }
    }
    found.sort_unstable_by_key(|id| id.0);
    found
}
