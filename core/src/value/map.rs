//! Named things in the order of their names.

use std::{cmp::Ordering, fmt, marker::PhantomData, ops::Index, slice};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor},
};

/// A map from names, in the order of the names, as a sorted list. Maps of properties are small and built once: a list is quicker
/// than a tree there, and a fraction of its code, which the browser has to load.
#[derive(Clone, PartialEq, Eq)]
pub struct Map<V> {
    /// Sorted by name, each name once.
    entries: Vec<(String, V)>,
}

/// Sorts. On a server, with the library's sort.
#[cfg(feature = "definitions")]
pub fn sort<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    items.sort_by(compare);
}

/// Sorts. In a browser, where the library's sort is 3 kB to load, by Shell's method with Knuth's gaps: at worst somewhat slower.
#[cfg(not(feature = "definitions"))]
pub fn sort<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    for gap in [88_573, 29_524, 9_841, 3_280, 1_093, 364, 121, 40, 13, 4, 1] {
        for end in gap..items.len() {
            let mut place = end;
            while place >= gap && compare(&items[place - gap], &items[place]).is_gt() {
                items.swap(place - gap, place);
                place -= gap;
            }
        }
    }
}

impl<V> Map<V> {
    /// An empty map.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Takes entries in any order. `None` if a name stands there twice.
    pub fn from_entries(mut entries: Vec<(String, V)>) -> Option<Self> {
        sort(&mut entries, |(a, _), (b, _)| a.cmp(b));
        let mut last: Option<&String> = None;
        for (name, _) in &entries {
            if last == Some(name) {
                return None;
            }
            last = Some(name);
        }
        Some(Self { entries })
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|(key, _)| key.as_str().cmp(name))
    }

    /// What has the name.
    pub fn get(&self, name: &str) -> Option<&V> {
        self.place(name).ok().and_then(|place| self.entries.get(place)).map(|(_, value)| value)
    }

    /// What has the name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        let place = self.place(name).ok()?;
        self.entries.get_mut(place).map(|(_, value)| value)
    }

    /// What has the name, made if there is nothing yet.
    pub fn entry(&mut self, name: &str) -> &mut V
    where
        V: Default,
    {
        let place = self.place(name).unwrap_or_else(|place| {
            self.entries.insert(place, (name.to_owned(), V::default()));
            place
        });
        &mut self.entries[place].1
    }

    /// Whether something has the name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Puts something in, in the place of what had the name before.
    pub fn insert(&mut self, name: String, value: V) {
        match self.place(&name) {
            Ok(place) => self.entries[place].1 = value,
            Err(place) => self.entries.insert(place, (name, value)),
        }
    }

    /// Takes out what has the name.
    pub fn remove(&mut self, name: &str) -> Option<V> {
        self.place(name).ok().map(|place| self.entries.remove(place).1)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Names and what has them, in order.
    pub fn iter(&self) -> Iter<'_, V> {
        Iter { entries: self.entries.iter() }
    }

    /// The names, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }
}

impl<V> Default for Map<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: fmt::Debug> fmt::Debug for Map<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// For tests and other places where the name is known to be there.
impl<V> Index<&str> for Map<V> {
    type Output = V;

    #[expect(clippy::panic, reason = "what indexing does")]
    fn index(&self, name: &str) -> &V {
        self.get(name).unwrap_or_else(|| panic!("nothing has this name"))
    }
}

/// Iterates over a [`Map`].
#[derive(Debug)]
pub struct Iter<'a, V> {
    entries: slice::Iter<'a, (String, V)>,
}

impl<'a, V> Iterator for Iter<'a, V> {
    type Item = (&'a str, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(|(name, value)| (name.as_str(), value))
    }
}

impl<'a, V> IntoIterator for &'a Map<V> {
    type Item = (&'a str, &'a V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Iter<'a, V> {
        self.iter()
    }
}

impl<V: Serialize> Serialize for Map<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Map<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MapVisitor(PhantomData))
    }
}

struct MapVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for MapVisitor<V> {
    type Value = Map<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Map<V>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Map::from_entries(entries).ok_or_else(|| de::Error::custom("a name stands twice in one object"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec(("[a-e]", any::<Option<u8>>()), 0..40)) {
            let mut map = Map::new();
            let mut reference = BTreeMap::new();
            for (name, value) in steps {
                match value {
                    Some(value) => {
                        map.insert(name.clone(), value);
                        reference.insert(name, value);
                    }
                    None => prop_assert_eq!(map.remove(&name), reference.remove(&name)),
                }
                prop_assert_eq!(map.len(), reference.len());
                prop_assert!(map.iter().eq(reference.iter().map(|(name, value)| (name.as_str(), value))));
            }
        }
    }

    #[test]
    fn a_name_stands_once() {
        let entry = |name: &str, value| (name.to_owned(), value);
        assert_eq!(Map::from_entries(vec![entry("b", 1), entry("a", 2), entry("b", 3)]), None);
        let map = Map::from_entries(vec![entry("b", 1), entry("a", 2)]).unwrap();
        assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "b"]);
    }
}
