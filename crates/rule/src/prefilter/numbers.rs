//! The numbers and fields that an event must have for a rule to match, asked before any text is
//! compared.
//!
//! *Input*: a rule's condition. *Output*: whether these leave an event a chance. *Example*:
//! `query and refused`, where `refused` lists statuses, leaves none to an event with another one.
//! *Limits*: only the numbers by which [`crate::seen::repeat`] tells requests apart, so that what is kept of
//! one is never due to a number that another one has not.

use vigil_event::{Event, Field};

use crate::matcher::condition::Condition;
use crate::matcher::modifier::Comparison;
use crate::matcher::node::Node;

/// What is asked of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Test {
    /// It is such a number.
    Number(Field, Comparison, f64),
    /// It is there.
    Present(Field),
}

/// Lists of tests: of each list one must hold.
#[derive(Debug, Default)]
pub(crate) struct Numbers(Vec<Vec<Test>>);

impl Test {
    /// Whether the event meets it.
    fn holds(self, event: &Event) -> bool {
        match self {
            Self::Number(field, comparison, wanted) => {
                let number = event.number(field);
                number.is_some_and(|number| comparison.holds(number as f64, wanted))
            }
            Self::Present(field) => event.raw(field).is_some(),
        }
    }

    /// Whether requests of which one meets it and the other does not are told apart.
    fn tells_apart(self) -> bool {
        match self {
            Self::Number(field, ..) => matches!(field, Field::Status | Field::DecodeDepth),
            Self::Present(_) => true,
        }
    }
}

impl Numbers {
    /// Those that a condition asks for.
    pub(crate) fn of(condition: &Condition) -> Self {
        Self(required(condition, &|selection| {
            required(selection, &|leaf| {
                let test = leaf.plain_test().filter(|test| test.tells_apart());
                test.map(|test| vec![test]).into_iter().collect()
            })
        }))
    }

    /// Whether the condition may hold, by the event's numbers and fields.
    pub(crate) fn allow(&self, event: &Event) -> bool {
        let mut lists = self.0.iter();
        lists.all(|tests| tests.iter().any(|test| test.holds(event)))
    }
}

/// What must hold for a tree to, by what must hold for its leaves.
fn required<T>(node: &Node<T>, leaf: &impl Fn(&T) -> Vec<Vec<Test>>) -> Vec<Vec<Test>> {
    match node {
        Node::Leaf(value) => leaf(value),
        Node::All(nodes) => nodes.iter().flat_map(|node| required(node, leaf)).collect(),
        Node::Any(nodes) | Node::AtLeast(_, nodes) => {
            let lists = nodes
                .iter()
                .map(|node| required(node, leaf).into_iter().next());
            let union: Option<Vec<_>> = lists.collect();
            let union: Vec<Test> = union.into_iter().flatten().flatten().collect();
            if union.is_empty() {
                Vec::new()
            } else {
                vec![union]
            }
        }
        Node::Not(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(wanted: f64) -> Node<Option<f64>> {
        Node::Leaf(Some(wanted))
    }

    fn wanted(test: &Test) -> Option<f64> {
        match test {
            Test::Number(_, _, wanted) => Some(*wanted),
            Test::Present(_) => None,
        }
    }

    fn found(node: &Node<Option<f64>>) -> Vec<Vec<f64>> {
        let leaf = |wanted: &Option<f64>| {
            let tests =
                wanted.map(|wanted| vec![Test::Number(Field::Status, Comparison::Equal, wanted)]);
            tests.into_iter().collect()
        };
        let lists = required(node, &leaf).into_iter();
        lists
            .map(|tests| tests.iter().filter_map(wanted).collect())
            .collect()
    }

    #[test]
    fn only_what_every_way_to_hold_asks_for_is_required() {
        let text = || Node::Leaf(None);
        let refused = || Node::Any(vec![test(400.0), test(403.0)]);
        assert_eq!(found(&Node::All(vec![text(), refused()])), [[400.0, 403.0]]);
        assert_eq!(
            found(&Node::Any(vec![text(), refused()])),
            Vec::<Vec<f64>>::new()
        );
        assert_eq!(
            found(&Node::AtLeast(1, vec![test(500.0), refused()])),
            [[500.0, 400.0, 403.0]]
        );
        let not = Node::Not(Box::new(test(200.0)));
        assert_eq!(found(&not), Vec::<Vec<f64>>::new());
        assert_eq!(
            found(&Node::All(vec![not, test(500.0), refused()])),
            [vec![500.0], vec![400.0, 403.0]]
        );
    }

    #[test]
    fn an_event_with_another_status_has_no_chance() {
        let test = |wanted| Test::Number(Field::Status, Comparison::Equal, wanted);
        let numbers = Numbers(vec![vec![test(400.0), test(403.0)]]);
        let mut event = Event::new();
        for (status, expected) in [(403, true), (200, false), (0, false)] {
            event.status = status;
            assert_eq!(numbers.allow(&event), expected, "{status}");
        }
        assert!(Numbers::default().allow(&event));
        let named = Numbers(vec![vec![Test::Present(Field::UserName)]]);
        assert!(!named.allow(&event));
        event.set(Field::UserName, b"ann");
        assert!(named.allow(&event));
    }
}
