//! Lists, one behind the other in one piece of memory.

/// Lists, one behind the other.
#[derive(Debug)]
pub(crate) struct Table<T> {
    items: Vec<T>,
    /// Where each list ends.
    ends: Vec<u32>,
}

impl<T> FromIterator<Vec<T>> for Table<T> {
    fn from_iter<I: IntoIterator<Item = Vec<T>>>(lists: I) -> Self {
        let mut table = Self {
            items: Vec::new(),
            ends: Vec::new(),
        };
        for list in lists {
            table.items.extend(list);
            table.ends.push(table.items.len() as u32);
        }
        table
    }
}

impl<T> Table<T> {
    /// How many lists there are.
    pub(crate) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// The list at a place; empty where there is none.
    pub(crate) fn list(&self, place: usize) -> &[T] {
        let end = |place: usize| self.ends.get(place).map_or(0, |end| *end as usize);
        let start = place.checked_sub(1).map_or(0, end);
        self.items.get(start..end(place)).unwrap_or_default()
    }
}
