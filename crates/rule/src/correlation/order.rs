//! Orders correlations by what feeds them, and finds those that one client's events suffice for.

use vigil_event::Field;

use super::{Correlation, Subject};
use crate::Rule;

/// The correlations, each after those that feed it; or one that feeds itself, with the way there.
pub(super) fn in_order(
    mut waiting: Vec<Correlation>,
    rules: &[Rule],
) -> Result<Vec<Correlation>, (usize, String)> {
    let mut ordered: Vec<Correlation> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let unmet = |correlation: &Correlation| {
            let fed_by =
                |other: &Correlation| correlation.feeds.iter().any(|feed| feed.rule == other.rule);
            waiting
                .iter()
                .find(|other| fed_by(other))
                .map(|other| other.rule)
        };
        match waiting.iter().position(|one| unmet(one).is_none()) {
            Some(ready) => ordered.push(waiting.remove(ready)),
            None => return Err(cycle(&waiting, &unmet, rules)),
        }
    }
    Ok(ordered)
}

/// A correlation of a cycle and the titles along it. Each of those that wait is fed by another.
fn cycle(
    waiting: &[Correlation],
    unmet: &impl Fn(&Correlation) -> Option<usize>,
    rules: &[Rule],
) -> (usize, String) {
    let mut path: Vec<usize> = Vec::new();
    let mut next = waiting.first().map(|correlation| correlation.rule);
    while let Some(place) = next.filter(|place| !path.contains(place)) {
        path.push(place);
        next = waiting
            .iter()
            .find(|correlation| correlation.rule == place)
            .and_then(unmet);
    }
    let start = path
        .iter()
        .position(|place| Some(*place) == next)
        .unwrap_or(0);
    let titles: Vec<&str> = path
        .iter()
        .skip(start)
        .filter_map(|place| rules.get(*place))
        .map(|rule| rule.title.as_str())
        .collect();
    (next.unwrap_or_default(), titles.join(" < "))
}

/// Marks the correlations whose groups never mix client addresses.
pub(super) fn mark_by_client(ordered: &mut [Correlation]) {
    let mixed = |correlation: &Correlation| {
        let client = Subject::Field(Field::SourceIp);
        let width = correlation.group_by.len();
        !(0..width).any(|column| {
            correlation
                .feeds
                .iter()
                .all(|feed| feed.group_by.get(column) == Some(&client))
        })
    };
    let mut shared: Vec<usize> = Vec::new();
    for correlation in ordered {
        let fed_by_shared = correlation
            .feeds
            .iter()
            .any(|feed| shared.contains(&feed.rule));
        correlation.by_client = !mixed(correlation) && !fed_by_shared;
        if !correlation.by_client {
            shared.push(correlation.rule);
        }
    }
}
