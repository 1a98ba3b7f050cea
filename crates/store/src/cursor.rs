//! Where a page ended, as text that means something only to the store.
//!
//! Never holds: the query; a cursor used with other filters goes on at the same place in their list.

use std::fmt::Write as _;

use vigil_event::{Id, Timestamp};

use crate::StoreError;

/// The last item of a page: lists are ordered by time and then id, both descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) at: Timestamp,
    pub(crate) id: Id,
}

impl Cursor {
    /// 12 hexadecimal digits of the time and 32 of the id.
    pub(crate) fn encode(&self) -> String {
        let mut text = format!("{:012x}", self.at.as_millis());
        for byte in self.id.as_bytes() {
            // Writing to a string cannot fail.
            _ = write!(text, "{byte:02x}");
        }
        text
    }

    pub(crate) fn decode(text: &str) -> Result<Self, StoreError> {
        Self::parse(text).ok_or(StoreError::BadCursor)
    }

    fn parse(text: &str) -> Option<Self> {
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
        fn comes_back(ms in 0..253_402_300_800_000i64, id: [u8; 16]) {
            let cursor = Cursor { at: Timestamp::from_millis(ms), id: Id::from_bytes(id) };
            prop_assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
        }

        #[test]
        fn anything_else_is_an_error_and_no_panic(text in ".{0,60}") {
            prop_assert!(matches!(Cursor::decode(&text), Err(StoreError::BadCursor)));
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
            assert!(Cursor::decode(&text).is_err(), "{text}");
        }
    }
}
