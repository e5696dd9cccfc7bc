//! What is held in memory of the things of one kind.

use std::{collections::HashMap, hash::Hash};

/// Things by key, with what has changed since it was last written down.
///
/// There are two generations. Whatever is used moves to the young one; [`Resident::rotate`] makes the young one old and lets go of
/// what the old one still held, which nobody has used for a whole generation. So the memory in use is bounded by what fits between
/// two rotations, and keeping it so costs one look-up more, no list.
#[derive(Debug)]
pub struct Resident<K, V> {
    young: HashMap<K, Entry<V>>,
    old: HashMap<K, Entry<V>>,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    changed: bool,
}

impl<K, V> Default for Resident<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Hash + Eq + Clone, V> Resident<K, V> {
    /// What has the key.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        self.promote(key).map(|entry| &entry.value)
    }

    /// Whether something has the key; it counts as used.
    pub fn contains(&mut self, key: &K) -> bool {
        self.promote(key).is_some()
    }

    /// What has the key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let entry = self.promote(key)?;
        entry.changed = true;
        Some(&mut entry.value)
    }

    /// Puts in what is written down already.
    pub fn load(&mut self, key: K, value: V) {
        self.young.insert(key, Entry { value, changed: false });
    }

    /// Puts in what is new, or takes the place of what was there.
    pub fn put(&mut self, key: K, value: V) {
        self.young.insert(key, Entry { value, changed: true });
    }

    /// Things of the young generation.
    pub fn young(&self) -> usize {
        self.young.len()
    }

    /// Things of both generations.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends a generation. Returns what has changed in it; it counts as written down from here on, and is held for another
    /// generation at least. With `keep`, nothing is let go of.
    pub fn rotate(&mut self, keep: bool) -> Vec<(K, V)>
    where
        V: Clone,
    {
        let mut changed = Vec::new();
        for (key, entry) in &mut self.young {
            if std::mem::take(&mut entry.changed) {
                changed.push((key.clone(), entry.value.clone()));
            }
        }
        let young = std::mem::take(&mut self.young);
        if keep {
            self.old.extend(young);
        } else {
            self.old = young;
        }
        changed
    }

    fn promote(&mut self, key: &K) -> Option<&mut Entry<V>> {
        if !self.young.contains_key(key) {
            let (key, entry) = self.old.remove_entry(key)?;
            self.young.insert(key, entry);
        }
        self.young.get_mut(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut things = Resident::default();
        things.put(1, "a");
        things.load(2, "b");
        assert_eq!(things.rotate(false), [(1, "a")]);
        assert_eq!(things.get(&2), Some(&"b"));
        assert!(things.rotate(false).is_empty());
        assert_eq!(things.get(&1), None);
        assert_eq!(things.get(&2), Some(&"b"));
        *things.get_mut(&2).unwrap() = "c";
        assert_eq!(things.rotate(true), [(2, "c")]);
        assert!(things.rotate(true).is_empty());
        assert_eq!(things.get(&2), Some(&"c"));
    }
}
