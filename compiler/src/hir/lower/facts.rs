//! What is known to have a value at a place of the code. A set that is cheap to keep as it was: each `if` and each arm begins
//! with what was known before, and most of them learn one thing or nothing.

use std::rc::Rc;

use crate::hir::Root;

/// Something known to have a value although its type is optional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(super) root: Root,
    pub(super) path: Vec<u16>,
}

/// Facts, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    state: Tree,
    /// Of locals that are assigned to.
    vars: Tree,
    lets: Tree,
}

impl Facts {
    pub(super) fn holds(&self, fact: &Fact) -> bool {
        let (n, trees) = match fact.root {
            Root::State(cell) => (u32::from(cell), [&self.state, &self.state]),
            Root::Local(id) => (id.0, [&self.vars, &self.lets]),
        };
        trees.iter().any(|tree| tree.get(n).contains(&fact.path))
    }

    /// Adds one; `var` says whether its local is assigned to.
    pub(super) fn learn(&mut self, fact: Fact, var: bool) {
        let (n, tree) = match fact.root {
            Root::State(cell) => (u32::from(cell), &mut self.state),
            Root::Local(id) if var => (id.0, &mut self.vars),
            Root::Local(id) => (id.0, &mut self.lets),
        };
        if !tree.get(n).contains(&fact.path) {
            tree.change(n, |paths| paths.push(fact.path));
        }
    }

    /// Drops what begins somewhere.
    pub(super) fn forget(&mut self, root: Root) {
        let (n, trees) = match root {
            Root::State(cell) => (u32::from(cell), vec![&mut self.state]),
            Root::Local(id) => (id.0, vec![&mut self.vars, &mut self.lets]),
        };
        for tree in trees {
            if !tree.get(n).is_empty() {
                tree.change(n, Vec::clear);
            }
        }
    }

    pub(super) fn forget_state(&mut self) {
        self.state = Tree::default();
    }

    pub(super) fn forget_vars(&mut self) {
        self.vars = Tree::default();
    }

    /// Drops what the others do not hold.
    pub(super) fn keep_common(&mut self, others: &Facts) {
        self.state.keep_common(&others.state);
        self.vars.keep_common(&others.vars);
        self.lets.keep_common(&others.lets);
    }
}

/// Bits of a number that one level of a tree looks at.
const BITS: u32 = 4;
/// Levels of a tree, for all numbers.
const LEVELS: u32 = u32::BITS / BITS;

/// Paths by a number. What two trees have in common they share, so that a copy costs nothing and a change a few nodes.
#[derive(Debug, Clone, Default)]
struct Tree {
    /// Levels of the tree as it is: as many as its largest number needs.
    levels: u32,
    root: Link,
}

type Link = Option<Rc<Node>>;

#[derive(Debug, Clone)]
enum Node {
    Inner([Link; 1 << BITS]),
    Paths(Vec<Vec<u16>>),
}

impl Tree {
    fn get(&self, n: u32) -> &[Vec<u16>] {
        if levels_for(n) > self.levels {
            return &[];
        }
        let (mut link, mut level) = (&self.root, self.levels);
        loop {
            match link.as_deref() {
                None => return &[],
                Some(Node::Paths(paths)) => return paths,
                Some(Node::Inner(links)) => {
                    level -= 1;
                    link = &links[slot(n, level)];
                }
            }
        }
    }

    fn change(&mut self, n: u32, with: impl FnOnce(&mut Vec<Vec<u16>>)) {
        while self.levels < levels_for(n) {
            if let Some(root) = self.root.take() {
                let mut links: [Link; 1 << BITS] = Default::default();
                links[0] = Some(root);
                self.root = Some(Rc::new(Node::Inner(links)));
            }
            self.levels += 1;
        }
        let (mut link, mut level) = (&mut self.root, self.levels);
        loop {
            let empty = || match level {
                0 => Node::Paths(Vec::new()),
                _ => Node::Inner(Default::default()),
            };
            match Rc::make_mut(link.get_or_insert_with(|| Rc::new(empty()))) {
                Node::Paths(paths) => return with(paths),
                Node::Inner(links) => {
                    level -= 1;
                    link = &mut links[slot(n, level)];
                }
            }
        }
    }

    fn keep_common(&mut self, other: &Tree) {
        // The larger one has at its first places what the other may have as well.
        let (mut theirs, mut level) = (&other.root, other.levels);
        while level > self.levels {
            theirs = match theirs.as_deref() {
                Some(Node::Inner(links)) => &links[0],
                _ => &None,
            };
            level -= 1;
        }
        while self.levels > level {
            self.root = match self.root.take().as_deref() {
                Some(Node::Inner(links)) => links[0].clone(),
                _ => None,
            };
            self.levels -= 1;
        }
        common(&mut self.root, theirs);
    }
}

fn common(own: &mut Link, other: &Link) {
    let (Some(node), Some(other)) = (own.as_mut(), other) else {
        *own = None;
        return;
    };
    if Rc::ptr_eq(node, other) {
        return;
    }
    match (Rc::make_mut(node), &**other) {
        (Node::Inner(links), Node::Inner(others)) => {
            links.iter_mut().zip(others).for_each(|(link, other)| common(link, other));
        }
        (Node::Paths(paths), Node::Paths(others)) => paths.retain(|path| others.contains(path)),
        _ => *own = None,
    }
}

/// Levels that a number needs.
fn levels_for(n: u32) -> u32 {
    (u32::BITS - n.leading_zeros()).div_ceil(BITS).clamp(1, LEVELS)
}

/// Where a number goes at a level, counted from the leaves.
fn slot(n: u32, level: u32) -> usize {
    (n >> (level * BITS)) as usize % (1 << BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hir::LocalId;

    fn fact(n: u32) -> Fact {
        Fact { root: Root::Local(LocalId(n)), path: vec![1] }
    }

    #[test]
    fn a_copy_keeps_what_was_known() {
        let numbers = [0, 1, 15, 16, 17, 255, 256, 70_000, u32::MAX];
        let mut facts = Facts::default();
        for n in numbers {
            let before = facts.clone();
            facts.learn(fact(n), false);
            assert!(facts.holds(&fact(n)) && !before.holds(&fact(n)), "{n}");
            assert!(numbers.iter().take_while(|other| **other < n).all(|other| facts.holds(&fact(*other))), "{n}");
        }
        let all = facts.clone();
        facts.forget(fact(17).root);
        assert!(!facts.holds(&fact(17)) && facts.holds(&fact(16)) && all.holds(&fact(17)));
    }

    #[test]
    fn what_is_common_is_kept_whichever_knows_more() {
        let of = |numbers: &[u32]| {
            let mut facts = Facts::default();
            numbers.iter().for_each(|n| facts.learn(fact(*n), true));
            facts
        };
        let (small, large) = ([1, 3, 5], [3, 5, 100, 5_000]);
        for (own, other) in [(&small[..], &large[..]), (&large[..], &small[..])] {
            let mut facts = of(own);
            facts.keep_common(&of(other));
            for n in own.iter().chain(other) {
                assert_eq!(facts.holds(&fact(*n)), [3, 5].contains(n), "{n}");
            }
            facts.forget_vars();
            assert!(!facts.holds(&fact(3)));
        }
    }
}
