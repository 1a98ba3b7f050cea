//! How many members of a collection there are, for rules that ask for that.

use vigil_event::Event;

use super::operator::{Comparison, Operator, number};
use super::plan::written;
use super::program::{Link, Program};
use super::read::{Pick, Read};
use super::run::Work;

/// How many members there are.
pub(super) enum Count {
    Exactly(usize),
    AtLeast(usize),
}

impl Program {
    pub(super) fn count_matches(
        &self,
        at: (usize, usize),
        link: &Link,
        read: &Read,
        count: &Count,
        (argument, event): (&[u8], &Event),
        work: &mut Work,
    ) -> bool {
        let count = match count {
            Count::Exactly(count) => *count,
            // What is not known of can only be more.
            Count::AtLeast(count) => match (&link.operator, link.negated) {
                (Operator::Number(Comparison::Greater | Comparison::AtLeast, _), false) => *count,
                (Operator::Number(Comparison::Equal, _), true)
                    if i64::try_from(*count).unwrap_or(i64::MAX) > number(argument) =>
                {
                    *count
                }
                _ => return false,
            },
        };
        // Most counts match nothing, and need not be written down.
        if let (Operator::Number(comparison, _), [chain]) = (&link.operator, link.chains.as_slice())
            && chain.is_empty()
            && comparison.holds(count.try_into().unwrap_or(i64::MAX), number(argument))
                == link.negated
        {
            return false;
        }
        let text = work.texts.add(&written(&count));
        let name = match &read.pick {
            Pick::Name(name) => name.clone(),
            _ => Vec::new(),
        };
        self.value_matches(
            at,
            link,
            (read.collection, &name, text),
            argument,
            event,
            work,
        )
    }

    pub(super) fn count(&self, rule: usize, read: &Read, event: &Event, work: &mut Work) -> Count {
        if !read.collection.is_of_request() {
            return Count::Exactly(self.made(read, work).len());
        }
        let members = work.texts.members(read.collection, event);
        let count = (members.start..members.end).filter(|value| {
            let name = work.texts.values.name_of(*value);
            read.takes(name) && !self.is_taken_out(rule, read.collection, name, work)
        });
        let count = count.count();
        if members.partial {
            Count::AtLeast(count)
        } else {
            Count::Exactly(count)
        }
    }
}
