//! What is held in memory of the things of one kind.

use std::hash::Hash;

use indexmap::IndexMap;

/// Things by key, with what has changed since it was last written down.
///
/// What has changed and is not yet written down stays; of the rest, what has not been used for longest goes when there is too much
/// ([`Resident::evict`], the clock algorithm: a hand goes round, and takes what was not used since it last came by).
#[derive(Debug)]
pub struct Resident<K, V> {
    entries: IndexMap<K, Entry<V>>,
    /// The keys of what has changed since changes were last taken out, each once.
    changed: Vec<K>,
    /// How often changes have been taken out.
    round: u32,
    /// Up to which of these rounds the changes are written down.
    written: u32,
    hand: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    used: bool,
    /// The round in which it last changed.
    changed: u32,
}

impl<K, V> Default for Resident<K, V> {
    fn default() -> Self {
        Self { entries: IndexMap::new(), changed: Vec::new(), round: 1, written: 0, hand: 0 }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Resident<K, V> {
    /// What has the key.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        let entry = self.entries.get_mut(key)?;
        entry.used = true;
        Some(&entry.value)
    }

    /// Whether something has the key; it counts as used.
    pub fn contains(&mut self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// What has the key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let entry = self.entries.get_mut(key)?;
        entry.used = true;
        if entry.changed != self.round {
            entry.changed = self.round;
            self.changed.push(key.clone());
        }
        Some(&mut entry.value)
    }

    /// Puts in what is written down already.
    pub fn load(&mut self, key: K, value: V) {
        self.entries.insert(key, Entry { value, used: true, changed: 0 });
    }

    /// Puts in what is new, or takes the place of what was there.
    pub fn put(&mut self, key: K, value: V) {
        if let Some(place) = self.get_mut(&key) {
            *place = value;
            return;
        }
        self.changed.push(key.clone());
        self.entries.insert(key, Entry { value, used: true, changed: self.round });
    }

    /// How many things there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many things have changed since changes were last taken out.
    pub const fn changed(&self) -> usize {
        self.changed.len()
    }

    /// Takes out what has changed, to be written down. [`Resident::written`] is to be called when it is.
    pub fn take_changed(&mut self) -> Vec<(K, V)> {
        self.round += 1;
        let changed = std::mem::take(&mut self.changed);
        let find = |key: K| self.entries.get(&key).map(|entry| (key, entry.value.clone()));
        changed.into_iter().filter_map(find).collect()
    }

    /// What was last taken out is written down.
    pub const fn written(&mut self) {
        self.written = self.round - 1;
    }

    /// Lets go of what has not been used for longest until there are no more than `limit`, as far as it is written down. The hand
    /// goes `steps` far at most.
    pub fn evict(&mut self, limit: usize, steps: usize) {
        for _ in 0..steps {
            if self.entries.len() <= limit {
                return;
            }
            self.hand = if self.hand < self.entries.len() { self.hand } else { 0 };
            let Some((_, entry)) = self.entries.get_index_mut(self.hand) else { return };
            if !entry.used && entry.changed <= self.written {
                // The last one takes its place, and is looked at next.
                self.entries.swap_remove_index(self.hand);
            } else {
                entry.used = false;
                self.hand += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_is_taken_out_once() {
        let mut things = Resident::default();
        things.put(1, "a");
        things.load(2, "b");
        things.put(1, "c");
        assert_eq!(things.take_changed(), [(1, "c")]);
        assert!(things.take_changed().is_empty());
        *things.get_mut(&2).unwrap() = "d";
        assert_eq!(things.changed(), 1);
        assert_eq!(things.take_changed(), [(2, "d")]);
    }

    #[test]
    fn what_is_not_written_down_stays() {
        let mut things = Resident::default();
        (0..10).for_each(|key| things.put(key, key));
        things.take_changed();
        things.load(10, 10);
        things.evict(4, 100);
        assert_eq!(things.len(), 10);
        *things.get_mut(&3).unwrap() = 33;
        things.written();
        things.evict(4, 100);
        assert_eq!(things.len(), 4);
        assert_eq!(things.get(&3), Some(&33));
    }

    #[test]
    fn what_is_used_stays_longer() {
        let mut things = Resident::default();
        (0..100).for_each(|key| things.load(key, ()));
        things.evict(99, 1_000);
        for round in 0..50 {
            things.get(&50);
            things.load(1_000 + round, ());
            things.evict(60, 1_000);
        }
        assert!(things.contains(&50));
        assert_eq!(things.len(), 60);
    }
}
