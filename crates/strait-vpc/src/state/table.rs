//! A sorted table that remembers which rows changed, so that a store writes just those.

use std::collections::{BTreeMap, BTreeSet};

/// A sorted map with a list of the keys that were inserted, changed or removed since [`Table::take_changed`].
#[derive(Debug, Clone)]
pub struct Table<K, V> {
    rows: BTreeMap<K, V>,
    changed: BTreeSet<K>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            changed: BTreeSet::new(),
        }
    }
}

impl<K: Ord + Clone, V> Table<K, V> {
    /// The row with this key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    /// The row with this key, to change; it counts as changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let row = self.rows.get_mut(key)?;
        self.changed.insert(key.clone());
        Some(row)
    }

    /// Whether there is such a row.
    pub fn contains_key(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    /// Adds or replaces a row.
    pub fn insert(&mut self, key: K, row: V) -> Option<V> {
        self.changed.insert(key.clone());
        self.rows.insert(key, row)
    }

    /// Takes a row out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let row = self.rows.remove(key)?;
        self.changed.insert(key.clone());
        Some(row)
    }

    /// All rows with their keys, by key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    /// All rows, by key.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.rows.values()
    }

    /// All keys, sorted.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.rows.keys()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Loads a row from a store: it does not count as changed.
    pub fn load(&mut self, key: K, row: V) {
        self.rows.insert(key, row);
    }

    /// The keys changed since the last call, with their rows; `None` is a row that is gone.
    pub fn take_changed(&mut self) -> Vec<(K, Option<&V>)> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .map(|key| {
                let row = self.rows.get(&key);
                (key, row)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_what_changed_and_what_went() {
        let mut table = Table::default();
        table.load("old", 1);
        table.insert("new", 2);
        table.load("gone", 3);
        table.remove(&"gone");
        assert_eq!(
            table.take_changed(),
            vec![("gone", None), ("new", Some(&2))]
        );
        assert_eq!(table.take_changed(), vec![]);
        *table.get_mut(&"old").expect("a row") = 5;
        assert_eq!(table.take_changed(), vec![("old", Some(&5))]);
    }
}
