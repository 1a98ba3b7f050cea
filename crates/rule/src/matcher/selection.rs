//! A named selection of a rule as a tree of matchers.

use rsigma_parser::{Detection, DetectionItem, FieldSpec, Modifier};

use crate::Problem;
use crate::load::faults::Faults;
use crate::matcher::Leaf;
use crate::matcher::item::{self, Context};
use crate::matcher::node::Node;

/// Compiles a selection; none if something is wrong, which is added to the faults.
pub(crate) fn compile(
    name: &str,
    detection: &Detection,
    context: &mut Context<'_>,
    faults: &mut Faults<'_>,
) -> Option<Node<Leaf>> {
    match detection {
        Detection::AllOf(items) => {
            let nodes: Vec<_> = items
                .iter()
                .map(|item| line(name, item, context, faults))
                .collect();
            nodes.into_iter().collect::<Option<_>>().map(Node::all)
        }
        Detection::AnyOf(parts) => {
            let nodes: Vec<_> = parts
                .iter()
                .map(|part| compile(name, part, context, faults))
                .collect();
            nodes.into_iter().collect::<Option<Vec<_>>>().map(any)
        }
        Detection::Keywords(values) => {
            let field = FieldSpec::new(None, vec![Modifier::Contains]);
            line(
                name,
                &DetectionItem {
                    field,
                    values: values.clone(),
                },
                context,
                faults,
            )
        }
        _ => {
            let problem = Problem::Sigma(
                "lists in events have no names for their members: name the list, any member may match"
                    .to_owned(),
            );
            faults.add(&["detection", name], problem);
            None
        }
    }
}

/// One or more of the parts. The same comparison with several fields becomes one with all of them.
fn any(parts: Vec<Node<Leaf>>) -> Node<Leaf> {
    let mut nodes: Vec<Node<Leaf>> = Vec::with_capacity(parts.len());
    for part in parts {
        let merged = match &part {
            Node::Leaf(leaf) => nodes.iter_mut().any(|node| match node {
                Node::Leaf(earlier) => earlier.merge(leaf),
                _ => false,
            }),
            _ => false,
        };
        if !merged {
            nodes.push(part);
        }
    }
    Node::any(nodes)
}

fn line(
    selection: &str,
    item: &DetectionItem,
    context: &mut Context<'_>,
    faults: &mut Faults<'_>,
) -> Option<Node<Leaf>> {
    let key = item.field.name.clone().unwrap_or_default();
    let shown = if key.is_empty() { "keywords" } else { &key };
    match item::compile(item, shown, context) {
        Ok(node) => Some(node),
        Err(problem) => {
            let value = match &problem {
                Problem::BadPattern { pattern, .. } => pattern.as_str(),
                Problem::BadValue { value, .. } => value.as_str(),
                _ => "",
            };
            faults.add(&["detection", selection, &key, value], problem.clone());
            None
        }
    }
}
