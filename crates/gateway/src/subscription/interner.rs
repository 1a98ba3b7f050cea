//! Hands out numbers, the same for the same text, for as long as somebody holds what it names.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// Shared values by their text. Bounded by those who hold them: what nobody holds is forgotten when
/// there are twice as many as were held the last time.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    table: Mutex<Table<T>>,
}

#[derive(Debug)]
struct Table<T> {
    known: HashMap<Box<str>, Weak<T>>,
    next: u64,
    sweep_at: usize,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self {
            table: Mutex::new(Table {
                known: HashMap::new(),
                next: 1,
                sweep_at: 64,
            }),
        }
    }
}

impl<T> Interner<T> {
    /// The value of that text, made with a number of its own if nobody holds it.
    pub(crate) fn get<E>(
        &self,
        text: &str,
        make: impl FnOnce(u64) -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let number = {
            let mut table = self.table.lock();
            if let Some(held) = table.known.get(text).and_then(Weak::upgrade) {
                return Ok(held);
            }
            table.next += 1;
            table.next
        };
        // Made outside the lock: it may take its time. Two at once may be made; one is kept.
        let value = Arc::new(make(number)?);
        let mut table = self.table.lock();
        if let Some(held) = table.known.get(text).and_then(Weak::upgrade) {
            return Ok(held);
        }
        if table.known.len() >= table.sweep_at {
            table.known.retain(|_, held| held.strong_count() > 0);
            table.sweep_at = (table.known.len() * 2).max(64);
        }
        table.known.insert(text.into(), Arc::downgrade(&value));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn the_same_text_is_the_same_while_it_is_held() {
        let interner = Interner::default();
        let get = |text: &str| interner.get(text, Ok::<u64, Infallible>).unwrap();
        let first = get("a");
        assert_eq!(get("a"), first);
        let other = get("b");
        assert_ne!(other, first);
        let gone = *other;
        drop(other);
        assert_ne!(*get("b"), gone, "a number is never given twice");
        for number in 0..1_000 {
            get(&number.to_string());
        }
        assert!(interner.table.lock().known.len() <= 64 + 1);
    }
}
