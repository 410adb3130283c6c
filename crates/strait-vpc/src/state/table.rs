//! A sorted table that is cheap to copy, and remembers which rows changed, so that a store writes just those.

use std::collections::BTreeSet;
use std::sync::Arc;

/// A chunk of more rows than this is split in two.
const CHUNK: usize = 64;

/// A sorted map with a list of the keys that were inserted, changed or removed since [`Table::take_changed`].
///
/// A copy shares all rows with the original, and a change copies one chunk of pointers and the one row.
#[derive(Debug, Clone)]
pub struct Table<K, V> {
    /// Sorted, none empty.
    chunks: Arc<Vec<Chunk<K, V>>>,
    len: usize,
    changed: BTreeSet<K>,
}

/// Sorted rows.
type Chunk<K, V> = Arc<Vec<Row<K, V>>>;

type Row<K, V> = Arc<(K, V)>;

/// Where a key is, or where it would be: the chunk's number, and the row's in it.
struct Place {
    chunk: usize,
    row: Result<usize, usize>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            chunks: Arc::default(),
            len: 0,
            changed: BTreeSet::new(),
        }
    }
}

/// Equal tables have the same rows, and the same of them count as changed.
impl<K: Ord + Clone, V: Clone + PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        let same_rows = Arc::ptr_eq(&self.chunks, &other.chunks) || self.iter().eq(other.iter());
        same_rows && self.changed == other.changed
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    /// The row with this key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let Place { chunk, row } = self.place(key);
        Some(&self.chunks.get(chunk)?.get(row.ok()?)?.1)
    }

    /// The row with this key, to change; it counts as changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let Place {
            chunk,
            row: Ok(row),
        } = self.place(key)
        else {
            return None;
        };
        self.changed.insert(key.clone());
        let rows = Arc::make_mut(Arc::make_mut(&mut self.chunks).get_mut(chunk)?);
        Some(&mut Arc::make_mut(rows.get_mut(row)?).1)
    }

    /// Whether there is such a row.
    pub fn contains_key(&self, key: &K) -> bool {
        self.place(key).row.is_ok()
    }

    /// Adds or replaces a row.
    pub fn insert(&mut self, key: K, row: V) -> Option<V> {
        self.changed.insert(key.clone());
        self.put(key, row)
    }

    /// Takes a row out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let Place {
            chunk,
            row: Ok(row),
        } = self.place(key)
        else {
            return None;
        };
        self.changed.insert(key.clone());
        self.len -= 1;
        let chunks = Arc::make_mut(&mut self.chunks);
        let rows = Arc::make_mut(&mut chunks[chunk]);
        let removed = rows.remove(row);
        if rows.is_empty() {
            chunks.remove(chunk);
        }
        Some(value(removed))
    }

    /// Takes out all rows that `gone` says.
    pub fn remove_where(&mut self, gone: impl Fn(&K, &V) -> bool) {
        let rows = self.iter().filter(|(key, row)| gone(key, row));
        let keys: Vec<K> = rows.map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.remove(&key);
        }
    }

    /// All rows with their keys, by key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows().map(|row| (&row.0, &row.1))
    }

    /// The rows from this key on, with their keys.
    pub fn from<'t>(&'t self, key: &K) -> impl Iterator<Item = (&'t K, &'t V)> + use<'t, K, V> {
        let Place { chunk, row } = self.place(key);
        let (Ok(skipped) | Err(skipped)) = row;
        let chunks = self.chunks.get(chunk..).unwrap_or_default();
        let rows = chunks.iter().flat_map(|chunk| chunk.iter());
        rows.skip(skipped).map(|row| (&row.0, &row.1))
    }

    /// All rows, by key.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.rows().map(|row| &row.1)
    }

    /// All keys, sorted.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.rows().map(|row| &row.0)
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Loads a row from a store: it does not count as changed.
    pub fn load(&mut self, key: K, row: V) {
        self.put(key, row);
    }

    /// The keys changed since [`Table::take_changed`].
    pub fn changed(&self) -> impl Iterator<Item = &K> {
        self.changed.iter()
    }

    /// The rows that changed, as they were in the table before and as they are.
    pub fn changed_rows<'t>(&'t self, before: &'t Self) -> impl Iterator<Item = &'t V> {
        let both = self
            .changed()
            .flat_map(|key| [before.get(key), self.get(key)]);
        both.flatten()
    }

    /// The keys changed since the last call, with their rows; `None` is a row that is gone.
    pub fn take_changed(&mut self) -> Vec<(K, Option<&V>)> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .map(|key| {
                let row = self.get(&key);
                (key, row)
            })
            .collect()
    }

    fn put(&mut self, key: K, row: V) -> Option<V> {
        let place = self.place(&key);
        let chunks = Arc::make_mut(&mut self.chunks);
        let row = Arc::new((key, row));
        let Some(rows) = chunks.get_mut(place.chunk).map(Arc::make_mut) else {
            chunks.push(Arc::new(vec![row]));
            self.len += 1;
            return None;
        };
        match place.row {
            Ok(there) => Some(value(std::mem::replace(&mut rows[there], row))),
            Err(free) => {
                rows.insert(free, row);
                self.len += 1;
                if rows.len() > CHUNK {
                    let upper = rows.split_off(CHUNK / 2);
                    chunks.insert(place.chunk + 1, Arc::new(upper));
                }
                None
            }
        }
    }

    fn place(&self, key: &K) -> Place {
        // The last chunk that does not begin after the key; a key before all belongs to the first.
        let after = self
            .chunks
            .partition_point(|rows| rows.first().is_some_and(|first| first.0 <= *key));
        let chunk = after.saturating_sub(1);
        let row = match self.chunks.get(chunk) {
            Some(rows) => rows.binary_search_by(|row| row.0.cmp(key)),
            None => Err(0),
        };
        Place { chunk, row }
    }

    fn rows(&self) -> impl DoubleEndedIterator<Item = &(K, V)> {
        self.chunks
            .iter()
            .flat_map(|rows| rows.iter())
            .map(AsRef::as_ref)
    }
}

fn value<K: Clone, V: Clone>(row: Row<K, V>) -> V {
    Arc::unwrap_or_clone(row).1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

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
        assert_eq!(table.changed().collect::<Vec<_>>(), [&"old"]);
        assert_eq!(table.take_changed(), vec![("old", Some(&5))]);
        table.remove_where(|key, _| *key == "old");
        assert_eq!(table.take_changed(), vec![("old", None)]);
        assert_eq!(table.keys().collect::<Vec<_>>(), [&"new"]);
    }

    #[test]
    fn tables_are_equal_by_rows_and_by_what_changed() {
        let mut table = Table::default();
        table.load("row", 1);
        let mut copy = table.clone();
        assert_eq!(copy, table);
        copy.load("row", 2);
        assert_ne!(copy, table, "another row");
        copy.load("row", 1);
        assert_eq!(copy, table);
        copy.get_mut(&"row");
        assert_ne!(copy, table, "it counts as changed");
    }

    proptest! {
        #[test]
        fn behaves_like_a_sorted_map_and_leaves_copies_alone(
            steps in prop::collection::vec((0..4_u8, 0..300_u32, 0..9_u32), 0..600)
        ) {
            let mut table = Table::default();
            let mut map = BTreeMap::new();
            let mut kept = (table.clone(), map.clone());
            for (what, key, value) in steps {
                match what {
                    0 | 1 => prop_assert_eq!(table.insert(key, value), map.insert(key, value)),
                    2 => prop_assert_eq!(table.remove(&key), map.remove(&key)),
                    _ => {
                        prop_assert_eq!(table.get(&key), map.get(&key));
                        if let (Some(row), Some(other)) = (table.get_mut(&key), map.get_mut(&key)) {
                            *row += 1;
                            *other += 1;
                        }
                    }
                }
                prop_assert_eq!(table.len(), map.len());
                if key == 7 {
                    kept = (table.clone(), map.clone());
                }
            }
            prop_assert!(table.iter().eq(map.iter()));
            prop_assert!(table.values().rev().eq(map.values().rev()));
            prop_assert!(kept.0.iter().eq(kept.1.iter()));
        }
    }
}
