//! When a correlation fires: bounds of a number, or an expression over its references.

use rsigma_parser::{ConditionExpr, ConditionOperator, Quantifier};

use crate::matcher::node::Node;

/// Comparisons that must all hold of a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds(Vec<(ConditionOperator, u64)>);

impl Bounds {
    pub(crate) const fn new(comparisons: Vec<(ConditionOperator, u64)>) -> Self {
        Self(comparisons)
    }

    /// At least so many.
    pub(super) fn at_least(count: u64) -> Self {
        Self(vec![(ConditionOperator::Gte, count)])
    }

    /// Whether the number is within the bounds.
    pub fn holds(&self, number: f64) -> bool {
        self.0.iter().all(|(operator, bound)| {
            let order = number.total_cmp(&(*bound as f64));
            match operator {
                ConditionOperator::Lt => order.is_lt(),
                ConditionOperator::Lte => order.is_le(),
                ConditionOperator::Gt => order.is_gt(),
                ConditionOperator::Gte => order.is_ge(),
                ConditionOperator::Eq => order.is_eq(),
                ConditionOperator::Neq => order.is_ne(),
            }
        })
    }

    /// The largest number that is compared with. Above it every number gives the same answer.
    pub fn largest(&self) -> u64 {
        self.0.iter().map(|(_, bound)| *bound).max().unwrap_or(0)
    }
}

/// Which references of a correlation must have matched.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    /// So many different ones.
    Count(Bounds),
    /// These.
    Expression(Expression),
}

/// An expression over references.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Node<usize>);

impl Presence {
    /// Whether it holds, by whether each of so many references matched.
    pub fn holds(&self, references: usize, matched: impl Fn(usize) -> bool) -> bool {
        match self {
            Self::Count(bounds) => {
                let count = (0..references).filter(|place| matched(*place)).count();
                bounds.holds(count as f64)
            }
            Self::Expression(Expression(tree)) => tree.holds(&|place| matched(*place)),
        }
    }

    /// The expression, with each name turned into the place of a reference; the name that is none.
    pub(crate) fn of_expression(
        expression: &ConditionExpr,
        place_of: &impl Fn(&str) -> Option<usize>,
        names: &[String],
    ) -> Result<Self, String> {
        tree(expression, place_of, names).map(|tree| Self::Expression(Expression(tree)))
    }
}

fn tree(
    expression: &ConditionExpr,
    place_of: &impl Fn(&str) -> Option<usize>,
    names: &[String],
) -> Result<Node<usize>, String> {
    let each = |parts: &[ConditionExpr]| {
        parts
            .iter()
            .map(|part| tree(part, place_of, names))
            .collect::<Result<Vec<_>, _>>()
    };
    match expression {
        ConditionExpr::And(parts) => each(parts).map(Node::all),
        ConditionExpr::Or(parts) => each(parts).map(Node::any),
        ConditionExpr::Not(part) => Ok(Node::Not(Box::new(tree(part, place_of, names)?))),
        ConditionExpr::Identifier(name) => {
            place_of(name).map(Node::Leaf).ok_or_else(|| name.clone())
        }
        ConditionExpr::Selector {
            quantifier,
            pattern,
        } => {
            let selected: Vec<_> = names
                .iter()
                .enumerate()
                .filter(|(_, name)| pattern.matches_detection_name(name))
                .map(|(place, _)| Node::Leaf(place))
                .collect();
            if selected.is_empty() {
                return Err(pattern.to_string());
            }
            Ok(match quantifier {
                Quantifier::Any => Node::any(selected),
                Quantifier::All => Node::all(selected),
                Quantifier::Count(count) => {
                    Node::AtLeast(usize::try_from(*count).unwrap_or(usize::MAX), selected)
                }
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_comparison_must_hold() {
        use ConditionOperator::{Eq, Gt, Gte, Lt, Lte, Neq};
        for (comparisons, holding) in [
            (vec![(Gt, 2)], [false, false, true, true]),
            (vec![(Gte, 2)], [false, true, true, true]),
            (vec![(Lt, 2)], [true, false, false, false]),
            (vec![(Lte, 2)], [true, true, false, false]),
            (vec![(Eq, 2)], [false, true, false, false]),
            (vec![(Neq, 2)], [true, false, true, true]),
            (vec![(Gt, 1), (Lte, 3)], [false, true, true, false]),
        ] {
            let bounds = Bounds::new(comparisons.clone());
            let held = [1.0, 2.0, 3.0, 4.0].map(|number| bounds.holds(number));
            assert_eq!(held, holding, "{comparisons:?}");
        }
        assert_eq!(Bounds::new(vec![(Gt, 1), (Lte, 3)]).largest(), 3);
    }

    #[test]
    fn expressions_name_references() {
        let names: Vec<String> = ["login", "error_a", "error_b"].map(str::to_owned).into();
        let place_of = |name: &str| names.iter().position(|known| known == name);
        for (text, matched, holds) in [
            ("login and error_a", vec![0, 1], true),
            ("login and error_a", vec![0, 2], false),
            ("login and not error_a", vec![0, 2], true),
            ("login and 1 of error_*", vec![0, 2], true),
            ("all of error_*", vec![0, 2], false),
        ] {
            let expression = rsigma_parser::parse_condition(text).unwrap();
            let presence = Presence::of_expression(&expression, &place_of, &names).unwrap();
            assert_eq!(
                presence.holds(3, |place| matched.contains(&place)),
                holds,
                "{text}"
            );
        }
        let expression = rsigma_parser::parse_condition("login and logout").unwrap();
        let unknown = Presence::of_expression(&expression, &place_of, &names).unwrap_err();
        assert_eq!(unknown, "logout");
    }
}
