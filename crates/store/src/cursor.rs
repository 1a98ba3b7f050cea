//! Where a page ended, as text that means something only to the store.
//!
//! Never holds: the query; a cursor used with other filters goes on at the same place in their list.

use std::fmt::Write as _;

use vigil_event::{Id, Outcome, Timestamp};

use crate::StoreError;
use crate::query::Sort;

/// The last item of a page: lists are ordered by time and then id, both descending; by the outcome
/// before them where that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) outcome: Option<Outcome>,
    pub(crate) at: Timestamp,
    pub(crate) id: Id,
}

impl Cursor {
    /// 12 hexadecimal digits of the time and 32 of the id; the outcome's rank and a dash in front in
    /// a list by outcome.
    pub(crate) fn encode(&self) -> String {
        let mut text = String::with_capacity(46);
        if let Some(outcome) = self.outcome {
            // Writing to a string cannot fail.
            _ = write!(text, "{}-", outcome.rank());
        }
        _ = write!(text, "{:012x}", self.at.as_millis());
        for byte in self.id.as_bytes() {
            _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// Reads the cursor of a list in that order; one of another order is none.
    pub(crate) fn decode(text: &str, sort: Sort) -> Result<Self, StoreError> {
        Self::parse(text, sort).ok_or(StoreError::BadCursor)
    }

    fn parse(text: &str, sort: Sort) -> Option<Self> {
        let (outcome, text) = match sort {
            Sort::Newest => (None, text),
            Sort::Outcome => {
                let (rank, rest) = text.split_once('-')?;
                let named = |outcome: &Outcome| rank.as_bytes() == [b'0' + outcome.rank()];
                (Some(Outcome::ALL.into_iter().find(named)?), rest)
            }
        };
        if text.len() != 44
            || !text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return None;
        }
        let ms = i64::from_str_radix(text.get(..12)?, 16).ok()?;
        let id = u128::from_str_radix(text.get(12..)?, 16).ok()?;
        let cursor = Self {
            outcome,
            at: Timestamp::from_millis(ms),
            id: Id::from_bytes(id.to_be_bytes()),
        };
        (cursor.at.as_millis() == ms).then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn comes_back(ms in 0..253_402_300_800_000i64, id: [u8; 16], rank in 0..4u8) {
            let (sort, outcome) = match rank {
                3 => (Sort::Newest, None),
                rank => (Sort::Outcome, Some(Outcome::from_rank(rank))),
            };
            let other = if sort == Sort::Newest { Sort::Outcome } else { Sort::Newest };
            let cursor = Cursor { outcome, at: Timestamp::from_millis(ms), id: Id::from_bytes(id) };
            prop_assert_eq!(Cursor::decode(&cursor.encode(), sort).unwrap(), cursor);
            prop_assert!(matches!(Cursor::decode(&cursor.encode(), other), Err(StoreError::BadCursor)));
        }

        #[test]
        fn anything_else_is_an_error_and_no_panic(text in ".{0,60}") {
            for sort in [Sort::Newest, Sort::Outcome] {
                prop_assert!(matches!(Cursor::decode(&text, sort), Err(StoreError::BadCursor)));
            }
        }
    }

    #[test]
    fn text_that_is_almost_one_is_refused() {
        let hex = "0".repeat(43);
        for text in [
            format!("{hex}g"),
            format!("{hex}A"),
            format!("+{hex}"),
            format!("{hex}00"),
            "f".repeat(44),
        ] {
            assert!(Cursor::decode(&text, Sort::Newest).is_err(), "{text}");
            let ranked = format!("1-{text}");
            assert!(Cursor::decode(&ranked, Sort::Outcome).is_err(), "{ranked}");
        }
        for rank in ["", "3", "01", "-1"] {
            let ranked = format!("{rank}-{hex}0");
            assert!(Cursor::decode(&ranked, Sort::Outcome).is_err(), "{ranked}");
        }
    }
}
