//! What profiles count only because a filter asks for it: events and purchases with certain properties, or of a certain time.

use std::{collections::HashMap, sync::Arc};

use super::filter::PropertyTest;
use crate::{
    protocol::RecordKind,
    time::Timestamp,
    value::{Object, Value},
};

/// Occurrences that a profile counts only because a filter asks for them.
#[derive(Debug, Clone)]
pub struct Tracked {
    /// Under which number profiles count it: the definition's, unless the host has one of its own.
    pub id: u64,
    /// A number for what is asked, which is the same whenever and wherever the same is asked.
    pub definition: u64,
    /// What happens.
    pub of: TrackedSource,
    /// What must hold of its properties, all of it.
    pub properties: Vec<PropertyTest>,
    /// From when to when it must have been, both included.
    pub between: Option<(Timestamp, Timestamp)>,
}

/// What is tracked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TrackedSource {
    /// A custom event.
    Event(String),
    /// A purchase: of this product, or of any.
    Purchase(Option<String>),
}

impl TrackedSource {
    /// Whether such a record is one.
    pub fn is<P>(&self, kind: &RecordKind<P>) -> bool {
        match (self, kind) {
            (Self::Event(wanted), RecordKind::CustomEvent { name, .. }) => wanted == name,
            (Self::Purchase(wanted), RecordKind::Purchase { product_id, .. }) => {
                wanted.as_ref().is_none_or(|wanted| wanted == product_id)
            }
            _ => false,
        }
    }

    /// All that such a record is one of. (Of a purchase, that of its product comes after that of any.)
    fn of<P>(kind: &RecordKind<P>) -> [Option<Self>; 2] {
        match kind {
            RecordKind::CustomEvent { name, .. } => [Some(Self::Event(name.clone())), None],
            RecordKind::Purchase { product_id, .. } => {
                [Some(Self::Purchase(None)), Some(Self::Purchase(Some(product_id.clone())))]
            }
            _ => [None, None],
        }
    }
}

impl Tracked {
    /// What is counted, under a number that says what it is, made by FNV-1a of all of it.
    pub fn new(of: TrackedSource, properties: Vec<PropertyTest>, between: Option<(Timestamp, Timestamp)>) -> Self {
        let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
        match &of {
            TrackedSource::Event(name) => hash.text(b'e', name),
            TrackedSource::Purchase(None) => hash.byte(b'p'),
            TrackedSource::Purchase(Some(product)) => hash.text(b'q', product),
        }
        properties.iter().for_each(|test| hash.value(&test.source));
        if let Some((first, last)) = between {
            hash.number(b'b', first.as_ms().cast_unsigned());
            hash.number(b'b', last.as_ms().cast_unsigned());
        }
        Self { id: hash.0, definition: hash.0, of, properties, between }
    }

    /// Whether an occurrence counts.
    pub fn counts(&self, properties: Option<&Object>, at: Timestamp) -> bool {
        self.between.is_none_or(|(first, last)| first <= at && at <= last)
            && self.properties.iter().all(|test| test.holds(properties))
    }
}

/// What is to be counted, by what happens.
#[derive(Debug, Clone, Default)]
pub struct TrackedIndex(HashMap<TrackedSource, Vec<Arc<Tracked>>>);

impl TrackedIndex {
    /// Adds what is to be counted, unless something is counted under its number already.
    pub fn add(&mut self, tracked: &Arc<Tracked>) {
        let known = self.0.entry(tracked.of.clone()).or_default();
        if known.iter().all(|known| known.id != tracked.id) {
            known.push(Arc::clone(tracked));
        }
    }

    /// What may have to be counted of such a record.
    pub fn of<P>(&self, kind: &RecordKind<P>) -> impl Iterator<Item = &Arc<Tracked>> {
        let sources = if self.0.is_empty() { [None, None] } else { TrackedSource::of(kind) };
        sources.into_iter().flatten().filter_map(|source| self.0.get(&source)).flatten()
    }

    /// Keeps what `is_kept` says of its number.
    pub fn retain(&mut self, is_kept: impl Fn(u64) -> bool) {
        self.0.retain(|_, tracked| {
            tracked.retain(|tracked| is_kept(tracked.id));
            !tracked.is_empty()
        });
    }
}

struct Fnv(u64);

impl Fnv {
    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    fn number(&mut self, kind: u8, number: u64) {
        self.byte(kind);
        number.to_le_bytes().into_iter().for_each(|byte| self.byte(byte));
    }

    fn text(&mut self, kind: u8, text: &str) {
        self.number(kind, text.len() as u64);
        text.bytes().for_each(|byte| self.byte(byte));
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.byte(b'0'),
            Value::Bool(value) => self.number(b't', u64::from(*value)),
            Value::Number(number) => self.number(b'n', number.get().to_bits()),
            Value::String(text) => self.text(b's', text),
            Value::Time(at) => self.number(b'@', at.as_ms().cast_unsigned()),
            Value::Array(items) => {
                self.number(b'[', items.len() as u64);
                items.iter().for_each(|item| self.value(item));
            }
            Value::Object(members) => {
                self.number(b'{', members.len() as u64);
                for (name, value) in members {
                    self.text(b'k', name);
                    self.value(value);
                }
            }
        }
    }
}
