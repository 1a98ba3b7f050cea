//! A tree of and, or and not: of matchers in a selection, of selections in a condition.

use crate::prefilter::gate::Gate;

/// A tree over things that hold or do not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node<T> {
    Leaf(T),
    All(Vec<Self>),
    Any(Vec<Self>),
    /// At least so many.
    AtLeast(usize, Vec<Self>),
    Not(Box<Self>),
}

impl<T> Node<T> {
    /// All of them; a single one stands for itself.
    pub(crate) fn all(nodes: Vec<Self>) -> Self {
        Self::single(nodes).unwrap_or_else(Self::All)
    }

    /// One or more of them; a single one stands for itself.
    pub(crate) fn any(nodes: Vec<Self>) -> Self {
        Self::single(nodes).unwrap_or_else(Self::Any)
    }

    fn single(mut nodes: Vec<Self>) -> Result<Self, Vec<Self>> {
        match nodes.pop() {
            Some(only) if nodes.is_empty() => Ok(only),
            last => {
                nodes.extend(last);
                Err(nodes)
            }
        }
    }

    /// Whether the tree holds, by what holds of its leaves.
    pub(crate) fn holds(&self, leaf: &impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Leaf(value) => leaf(value),
            Self::All(nodes) => nodes.iter().all(|node| node.holds(leaf)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(leaf)),
            Self::AtLeast(count, nodes) => {
                nodes
                    .iter()
                    .filter(|node| node.holds(leaf))
                    .take(*count)
                    .count()
                    >= *count
            }
            Self::Not(node) => !node.holds(leaf),
        }
    }

    /// Whether the tree holds, with the proofs of the leaves that made it so. What is negated
    /// proves nothing. A leaf adds its proofs at the end and says whether it holds.
    pub(crate) fn prove<P>(
        &self,
        proofs: &mut Vec<P>,
        leaf: &mut impl FnMut(&T, &mut Vec<P>) -> bool,
    ) -> bool {
        let before = proofs.len();
        let holds = match self {
            Self::Leaf(value) => leaf(value, proofs),
            Self::All(nodes) => nodes.iter().all(|node| node.prove(proofs, leaf)),
            Self::Any(nodes) => nodes.iter().any(|node| node.prove(proofs, leaf)),
            Self::AtLeast(count, nodes) => {
                nodes
                    .iter()
                    .filter(|node| node.prove(proofs, leaf))
                    .take(*count)
                    .count()
                    >= *count
            }
            Self::Not(node) => {
                let holds = node.prove(proofs, leaf);
                proofs.truncate(before);
                return !holds;
            }
        };
        if !holds {
            proofs.truncate(before);
        }
        holds
    }

    /// Shows every leaf, and whether it stands under a `not`.
    pub(crate) fn leaves(&self, negated: bool, leaf: &mut impl FnMut(&T, bool)) {
        match self {
            Self::Leaf(value) => leaf(value, negated),
            Self::All(nodes) | Self::Any(nodes) | Self::AtLeast(_, nodes) => {
                for node in nodes {
                    node.leaves(negated, leaf);
                }
            }
            Self::Not(node) => node.leaves(!negated, leaf),
        }
    }

    /// The tree with something else in place of every leaf.
    pub(crate) fn map<U>(self, leaf: &mut impl FnMut(T) -> U) -> Node<U> {
        let mut each = |nodes: Vec<Self>| nodes.into_iter().map(|node| node.map(leaf)).collect();
        match self {
            Self::All(nodes) => Node::All(each(nodes)),
            Self::Any(nodes) => Node::Any(each(nodes)),
            Self::AtLeast(count, nodes) => Node::AtLeast(count, each(nodes)),
            Self::Leaf(value) => Node::Leaf(leaf(value)),
            Self::Not(node) => Node::Not(Box::new(node.map(leaf))),
        }
    }

    /// What must occur for the tree to hold, by what must occur for its leaves.
    pub(crate) fn gate(&self, leaf: &impl Fn(&T) -> Gate) -> Gate {
        match self {
            Self::Leaf(value) => leaf(value),
            Self::All(nodes) => Gate::all(nodes.iter().map(|node| node.gate(leaf))),
            Self::Any(nodes) | Self::AtLeast(_, nodes) => {
                Gate::any(nodes.iter().map(|node| node.gate(leaf)))
            }
            Self::Not(_) => Gate::open(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(holds: bool, name: &'static str) -> Node<(bool, &'static str)> {
        Node::Leaf((holds, name))
    }

    fn proofs(node: &Node<(bool, &'static str)>) -> Option<Vec<&'static str>> {
        let mut proofs = Vec::new();
        let holds = node.prove(&mut proofs, &mut |(holds, name), proofs| {
            proofs.push(*name);
            *holds
        });
        assert_eq!(holds, node.holds(&|(holds, _)| *holds));
        holds.then_some(proofs)
    }

    #[test]
    fn only_what_made_it_hold_is_proof() {
        let (yes, no) = (|name| leaf(true, name), |name| leaf(false, name));
        assert_eq!(
            proofs(&Node::all(vec![yes("a"), yes("b")])),
            Some(vec!["a", "b"])
        );
        assert_eq!(proofs(&Node::all(vec![yes("a"), no("b")])), None);
        assert_eq!(
            proofs(&Node::any(vec![no("a"), yes("b"), yes("c")])),
            Some(vec!["b"])
        );
        assert_eq!(
            proofs(&Node::any(vec![
                Node::all(vec![yes("a"), no("b")]),
                yes("c")
            ])),
            Some(vec!["c"])
        );
        assert_eq!(
            proofs(&Node::AtLeast(
                2,
                vec![yes("a"), no("b"), yes("c"), yes("d")]
            )),
            Some(vec!["a", "c"])
        );
        assert_eq!(proofs(&Node::AtLeast(2, vec![yes("a"), no("b")])), None);
        assert_eq!(
            proofs(&Node::all(vec![yes("a"), Node::Not(Box::new(no("b")))])),
            Some(vec!["a"])
        );
        assert_eq!(
            proofs(&Node::all(vec![Node::Not(Box::new(yes("b")))])),
            None
        );
    }
}
