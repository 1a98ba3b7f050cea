//! A rule's condition as a tree over its selections.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use rsigma_parser::{ConditionExpr, Quantifier, SelectorPattern};

use crate::Problem;
use crate::matcher::Leaf;
use crate::matcher::node::Node;

/// A selection, and what its rule calls it.
#[derive(Debug)]
pub(crate) struct Selection {
    pub(crate) name: String,
    pub(crate) node: Node<Arc<Leaf>>,
}

impl Deref for Selection {
    type Target = Node<Arc<Leaf>>;

    fn deref(&self) -> &Node<Arc<Leaf>> {
        &self.node
    }
}

/// The selections of a rule by their names.
pub(crate) type Selections = BTreeMap<String, Arc<Selection>>;

/// A condition with the selections it names.
pub(crate) type Condition = Node<Arc<Selection>>;

/// Shows every comparison of a rule, those under a `not` too.
pub(crate) fn each_leaf(condition: &Condition, leaf: &mut impl FnMut(&Arc<Leaf>)) {
    condition.leaves(false, &mut |selection, _| {
        selection.leaves(false, &mut |one, _| leaf(one));
    });
}

/// Puts the selections in the condition's places.
pub(crate) fn compile(
    condition: &ConditionExpr,
    selections: &Selections,
) -> Result<Condition, Problem> {
    let each = |parts: &[ConditionExpr]| {
        parts
            .iter()
            .map(|part| compile(part, selections))
            .collect::<Result<Vec<_>, _>>()
    };
    match condition {
        ConditionExpr::And(parts) => each(parts).map(Node::all),
        ConditionExpr::Or(parts) => each(parts).map(Node::any),
        ConditionExpr::Not(part) => Ok(Node::Not(Box::new(compile(part, selections)?))),
        ConditionExpr::Identifier(name) => match selections.get(name) {
            Some(selection) => Ok(Node::Leaf(Arc::clone(selection))),
            None => Err(missing(name, selections)),
        },
        ConditionExpr::Selector {
            quantifier,
            pattern,
        } => {
            let named: Vec<_> = selections
                .iter()
                .filter(|(name, _)| pattern.matches_detection_name(name))
                .map(|(_, selection)| Node::Leaf(Arc::clone(selection)))
                .collect();
            quantified(quantifier, pattern, named, selections)
        }
    }
}

fn quantified(
    quantifier: &Quantifier,
    pattern: &SelectorPattern,
    named: Vec<Condition>,
    selections: &Selections,
) -> Result<Condition, Problem> {
    if named.is_empty() {
        return Err(missing(&pattern.to_string(), selections));
    }
    match quantifier {
        Quantifier::Any => Ok(Node::any(named)),
        Quantifier::All => Ok(Node::all(named)),
        Quantifier::Count(count) => match usize::try_from(*count) {
            Ok(count) if (1..=named.len()).contains(&count) => Ok(Node::AtLeast(count, named)),
            _ => Err(Problem::BadCondition {
                condition: format!("{count} of {pattern}"),
                why: format!(
                    "{} selections have such a name: ask for 1 to {0} of them",
                    named.len()
                ),
            }),
        },
    }
}

fn missing(name: &str, selections: &Selections) -> Problem {
    let known: Vec<_> = selections.keys().map(String::as_str).collect();
    let known = if known.is_empty() {
        "a name and add that selection".to_owned()
    } else {
        known.join(", ")
    };
    Problem::MissingSelection {
        name: name.to_owned(),
        known,
    }
}
