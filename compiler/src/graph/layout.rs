//! A graph → where its nodes are, in layers from top to bottom. Nodes come in the order in which they run, so an edge to an
//! earlier one is a way back; it is laid out the other way round. An edge that crosses layers is held in each of them by a
//! bend, and its label is a node of its own, so that nothing is drawn over anything else.

use super::Graph;

/// Times the order within layers and the places are bettered, down and up.
const SWEEPS: usize = 12;
/// Between neighbors of a layer.
const GAP_X: f64 = 22.0;
/// Between layers.
const GAP_Y: f64 = 24.0;
/// Width of a bend.
const BEND_WIDTH: f64 = 8.0;

/// Something with a place.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// What it is of the graph.
    pub(super) what: What,
    /// Middle.
    pub(super) x: f64,
    /// Top.
    pub(super) y: f64,
    /// Its own size.
    pub(super) width: f64,
    pub(super) height: f64,
    layer: usize,
    /// Number within its layer.
    order: usize,
}

/// What has a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A node, by its index.
    Node(usize),
    /// The label of an edge, by the edge's index.
    Label(usize),
    /// A point through which an edge goes.
    Bend,
}

/// A graph with places.
#[derive(Debug)]
pub(super) struct Layout {
    /// Nodes in their order, then labels and bends.
    pub(super) places: Vec<Place>,
    /// For each edge the places it goes through, from its node to its node.
    pub(super) ways: Vec<Vec<usize>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Lays a graph out; `size` says how large a node or the label of an edge is. `None` if it takes more places than there
/// is room for: a way has one in each layer that it crosses.
pub(super) fn layout(graph: &Graph, room: usize, size: impl Fn(What) -> (f64, f64)) -> Option<Layout> {
    let mut layout = Layout { places: Vec::new(), ways: Vec::new(), width: 0.0, height: 0.0 };
    let layers = layers(graph);
    for (number, layer) in layers.iter().enumerate() {
        layout.put(What::Node(number), size(What::Node(number)), *layer);
    }
    for (number, edge) in graph.edges.iter().enumerate() {
        let back = edge.to <= edge.from;
        let (top, bottom) = if back { (edge.to, edge.from) } else { (edge.from, edge.to) };
        let (first, last) = (layers[top] + 1, layers[bottom]);
        let label = if back { last.saturating_sub(1) } else { first };
        if layout.places.len() + last.saturating_sub(first) > room {
            return None;
        }
        let mut way = vec![top];
        for layer in first..last {
            let what = if layer == label && !edge.label.is_empty() { What::Label(number) } else { What::Bend };
            let size = if what == What::Bend { (BEND_WIDTH, 0.0) } else { size(what) };
            way.push(layout.put(what, size, layer));
        }
        way.push(bottom);
        if back {
            way.reverse();
        }
        layout.ways.push(way);
    }
    let mut rows = layout.rows();
    let near = layout.neighbors();
    layout.order(&mut rows, &near);
    layout.set_y(&rows);
    layout.set_x(&rows, &near);
    Some(layout)
}

/// The layer of each node: below all that lead to it, with room for the label of the edge.
fn layers(graph: &Graph) -> Vec<usize> {
    let mut layers = vec![0_usize; graph.nodes.len()];
    let mut edges: Vec<_> = graph.edges.iter().filter(|edge| edge.from != edge.to).collect();
    edges.sort_by_key(|edge| edge.from.min(edge.to));
    for edge in edges {
        let (top, bottom) = (edge.from.min(edge.to), edge.from.max(edge.to));
        let room = if edge.label.is_empty() { 1 } else { 2 };
        layers[bottom] = layers[bottom].max(layers[top] + room);
    }
    layers
}

impl Layout {
    fn put(&mut self, what: What, (width, height): (f64, f64), layer: usize) -> usize {
        self.places.push(Place { what, x: 0.0, y: 0.0, width, height, layer, order: 0 });
        self.places.len() - 1
    }

    /// The places of each layer, in the order in which a walk along the edges meets them.
    fn rows(&self) -> Vec<Vec<usize>> {
        let count = self.places.iter().map(|place| place.layer + 1).max().unwrap_or(0);
        let mut rows = vec![Vec::new(); count];
        let mut below = vec![Vec::new(); self.places.len()];
        for pair in self.ways.iter().flat_map(|way| way.windows(2)) {
            let (a, b) = (pair[0], pair[1]);
            if self.places[a].layer < self.places[b].layer {
                below[a].push(b);
            } else if self.places[b].layer < self.places[a].layer {
                below[b].push(a);
            }
        }
        let mut seen = vec![false; self.places.len()];
        for first in 0..self.places.len() {
            let mut open = vec![first];
            while let Some(at) = open.pop() {
                if std::mem::replace(&mut seen[at], true) {
                    continue;
                }
                rows[self.places[at].layer].push(at);
                open.extend(below[at].iter().rev());
            }
        }
        rows
    }

    /// Of each place those it is tied to in the layer above, and below.
    fn neighbors(&self) -> [Vec<Vec<usize>>; 2] {
        let mut near = [vec![Vec::new(); self.places.len()], vec![Vec::new(); self.places.len()]];
        for pair in self.ways.iter().flat_map(|way| way.windows(2)) {
            let (mut a, mut b) = (pair[0], pair[1]);
            if self.places[a].layer > self.places[b].layer {
                std::mem::swap(&mut a, &mut b);
            }
            if self.places[a].layer + 1 == self.places[b].layer {
                near[0][b].push(a);
                near[1][a].push(b);
            }
        }
        near
    }

    /// Orders each layer so that edges cross little: by the middle of the neighbors, down and up in turns.
    fn order(&mut self, rows: &mut [Vec<usize>], near: &[Vec<Vec<usize>>; 2]) {
        self.number(rows);
        let mut best = (self.crossings(rows, near), rows.to_vec());
        for sweep in 0..SWEEPS {
            let side = sweep % 2;
            let count = rows.len();
            for step in 1..count {
                let row = if side == 0 { step } else { count - 1 - step };
                let mut keyed: Vec<(f64, usize)> =
                    rows[row].iter().map(|at| (self.middle(*at, &near[side]), *at)).collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                rows[row] = keyed.into_iter().map(|(_, at)| at).collect();
                self.number(&rows[row..=row]);
            }
            let crossings = self.crossings(rows, near);
            if crossings < best.0 {
                best = (crossings, rows.to_vec());
            }
        }
        rows.clone_from_slice(&best.1);
        self.number(rows);
    }

    fn number(&mut self, rows: &[Vec<usize>]) {
        for row in rows {
            for (order, at) in row.iter().enumerate() {
                self.places[*at].order = order;
            }
        }
    }

    /// The mean order of the neighbors; its own where there are none.
    fn middle(&self, at: usize, near: &[Vec<usize>]) -> f64 {
        let near = &near[at];
        if near.is_empty() {
            return self.places[at].order as f64;
        }
        near.iter().map(|n| self.places[*n].order as f64).sum::<f64>() / near.len() as f64
    }

    fn crossings(&self, rows: &[Vec<usize>], near: &[Vec<Vec<usize>>; 2]) -> usize {
        rows.iter().map(|row| self.crossings_below(row, &near[1])).sum()
    }

    /// Crossings between a row and the one below: pairs of ties that go in different orders.
    fn crossings_below(&self, row: &[usize], below: &[Vec<usize>]) -> usize {
        let order = |at: usize| self.places[at].order;
        let mut ties: Vec<(usize, usize)> =
            row.iter().flat_map(|at| below[*at].iter().map(|to| (order(*at), order(*to)))).collect();
        ties.sort_unstable();
        let width = ties.iter().map(|(_, to)| to + 1).max().unwrap_or(0);
        // How many ties went to the places up to one, summed as in a Fenwick tree.
        let mut sums = vec![0_usize; width + 1];
        let mut count = 0;
        for (before, (_, to)) in ties.iter().enumerate() {
            let mut at = to + 1;
            let mut left = 0;
            while at > 0 {
                left += sums[at];
                at &= at - 1;
            }
            count += before - left;
            let mut at = to + 1;
            while at <= width {
                sums[at] += 1;
                at += at & at.wrapping_neg();
            }
        }
        count
    }

    fn set_y(&mut self, rows: &[Vec<usize>]) {
        let mut y = 0.0;
        for row in rows {
            let height = row.iter().map(|at| self.places[*at].height).fold(0.0, f64::max);
            for at in row {
                let place = &mut self.places[*at];
                place.y = y + (height - place.height) / 2.0;
            }
            y += height + GAP_Y;
        }
        self.height = (y - GAP_Y).max(0.0);
    }

    /// Puts each place as near below and above its neighbors as those beside it allow.
    fn set_x(&mut self, rows: &[Vec<usize>], near: &[Vec<Vec<usize>>; 2]) {
        for sweep in 0..=SWEEPS {
            let side = sweep % 2;
            for step in 0..rows.len() {
                let row = &rows[if side == 0 { step } else { rows.len() - 1 - step }];
                let wanted: Vec<f64> = row.iter().map(|at| self.wanted(*at, &near[side])).collect();
                self.spread(row, &wanted);
            }
        }
        let left = self.places.iter().map(|place| place.x - place.width / 2.0).fold(f64::INFINITY, f64::min);
        for place in &mut self.places {
            place.x -= left;
            self.width = self.width.max(place.x + place.width / 2.0);
        }
    }

    fn wanted(&self, at: usize, near: &[Vec<usize>]) -> f64 {
        let near = &near[at];
        if near.is_empty() {
            return self.places[at].x;
        }
        near.iter().map(|n| self.places[*n].x).sum::<f64>() / near.len() as f64
    }

    /// The places nearest to the wanted ones that keep their order and distance: neighbors that would collide become one
    /// block, which stands where its members want to be on average.
    fn spread(&mut self, row: &[usize], wanted: &[f64]) {
        let mut offsets = Vec::with_capacity(row.len());
        let mut offset = 0.0;
        for (n, at) in row.iter().enumerate() {
            if n > 0 {
                offset += (self.places[row[n - 1]].width + self.places[*at].width) / 2.0 + GAP_X;
            }
            offsets.push(offset);
        }
        // Blocks: where they want to be without the offsets, and how many they are.
        let mut blocks: Vec<(f64, usize)> = Vec::new();
        for (n, wanted) in wanted.iter().enumerate() {
            let mut block = (wanted - offsets[n], 1);
            while let Some(before) = blocks.last().copied().filter(|before| before.0 > block.0) {
                blocks.pop();
                let count = before.1 + block.1;
                block = ((before.0 * before.1 as f64 + block.0 * block.1 as f64) / count as f64, count);
            }
            blocks.push(block);
        }
        let starts = blocks.iter().flat_map(|(start, count)| std::iter::repeat_n(*start, *count));
        for ((at, offset), start) in row.iter().zip(offsets).zip(starts) {
            self.places[*at].x = start + offset;
        }
    }
}
