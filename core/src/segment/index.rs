//! From what changed on a user to the segments whose verdict that can touch.
//!
//! A segment is evaluated again only when a condition in it is *overturned*: it holds now and did not, or the other way round, or is
//! certain for a shorter time than it was. Most changes overturn nothing: the fourth occurrence of an event matters only to who
//! counts to four. So conditions are sorted by what they look at, and there by the value, bound or count at which they turn: what
//! a change can overturn lies between what was and what is, and the rest is not even looked at. The cost of a change
//! depends on the segments that it moves somebody into or out of, hardly on those that look at the same thing, and not at all on
//! the others.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use super::{
    filter::{Anniversary, AttributeRef, AttributeTest, Condition, Filter, OccurrenceTest, Source, Window, Zone},
    host::Subject,
    occurrences::Occurrences,
    test::Operator,
    tracked::TrackedIndex,
    verdict::Verdict,
};
use crate::{
    ids::CampaignId,
    profile::{Profile, StandardAttribute},
    protocol::RecordKind,
    time::{Duration, Timestamp},
    value::Value,
};

/// Which segments look at which part of a user. Segments are named by their place in the list that built the index.
#[derive(Debug, Clone, Default)]
pub struct SegmentIndex {
    events: HashMap<String, OccurrenceWatch>,
    products: HashMap<String, OccurrenceWatch>,
    purchases: Option<OccurrenceWatch>,
    sessions: Option<OccurrenceWatch>,
    counters: HashMap<u64, OccurrenceWatch>,
    custom: HashMap<String, AttributeWatch>,
    standard: HashMap<StandardAttribute, AttributeWatch>,
    messages: HashMap<CampaignId, Watches>,
    spent: Watches,
    session_time: Watches,
    location: Watches,
    subscriptions: Watches,
    /// What any record can change: when the user was last heard of, and what their devices are.
    always: Watches,
    /// Segments that ask whether the user signed in.
    identity: Vec<u32>,
    /// Segments that somebody of whom nothing is known can be in.
    initial: Vec<u32>,
    tracked: TrackedIndex,
}

/// Conditions of which nothing better is known than to evaluate them before and after.
type Watches = Vec<Watch>;

#[derive(Debug, Clone)]
struct Watch {
    condition: Condition,
    segments: Vec<u32>,
}

/// Conditions on something that happens now and then.
#[derive(Debug, Clone)]
struct OccurrenceWatch {
    source: Source,
    /// On how often it happened at all.
    ever: Thresholds,
    /// On how often it happened within a time.
    within: BTreeMap<Duration, Thresholds>,
    others: Vec<(OccurrenceTest, u32)>,
}

/// Segments, by the counts at which a condition of theirs turns.
#[derive(Debug, Clone, Default)]
struct Thresholds(BTreeMap<u64, Vec<u32>>);

/// Conditions on an attribute.
#[derive(Debug, Clone)]
struct AttributeWatch {
    attribute: AttributeRef,
    /// By a hash of a value: those that ask whether it is this one.
    equal: HashMap<u64, Vec<u32>>,
    /// By a number: those that ask whether it is above or below.
    bounds: BTreeMap<Sortable, Vec<u32>>,
    others: Vec<(Vec<String>, AttributeTest, u32)>,
    /// Conditions on other things that the attribute has a say in: the time zone has one in what day it is.
    conditions: Watches,
}

/// A finite number, to sort by.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sortable(f64);

impl Eq for Sortable {}

impl PartialOrd for Sortable {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sortable {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// What was, of all that changes can overturn conditions on.
#[derive(Debug)]
pub struct Before<'i> {
    index: &'i SegmentIndex,
    attributes: Vec<(&'i AttributeWatch, Option<Value>)>,
    occurrences: Vec<(&'i OccurrenceWatch, Occurrences<'static>)>,
    conditions: Vec<(&'i Watches, Vec<Verdict>)>,
}

impl SegmentIndex {
    /// Indexes the filters.
    pub fn new<'a>(filters: impl IntoIterator<Item = &'a Filter>) -> Self {
        let mut index = Self::default();
        for (segment, filter) in (0..).zip(filters) {
            filter.visit(&mut |condition| index.add(condition, segment));
            if possible(filter).0 {
                index.initial.push(segment);
            }
        }
        index
    }

    /// Segments that somebody of whom nothing is known can be in: all that has to be evaluated for a new user, besides what their
    /// first records overturn.
    pub fn initial(&self) -> &[u32] {
        &self.initial
    }

    /// Segments whose verdict may be another when a visitor signs in.
    pub fn identity(&self) -> &[u32] {
        &self.identity
    }

    /// Notes what is now of all that such records change.
    pub fn before<'k, P: 'k>(
        &self,
        kinds: impl IntoIterator<Item = &'k RecordKind<P>>,
        subject: &Subject<'_>,
        now: Timestamp,
    ) -> Before<'_> {
        let mut before =
            Before { index: self, attributes: Vec::new(), occurrences: Vec::new(), conditions: Vec::new() };
        before.note(&self.always, subject, now);
        for kind in kinds {
            before.note_kind(kind, subject, now);
        }
        before
    }

    fn add(&mut self, condition: &Condition, segment: u32) {
        match condition {
            Condition::Attribute { attribute, path, test } => {
                self.attribute(attribute).add(path, test, segment);
                if let AttributeTest::Anniversary(Anniversary { zone: Zone::OfUser, .. }) = test {
                    watch(&mut self.time_zone().conditions, condition, segment);
                }
            }
            Condition::Occurrences { of, test } => {
                if matches!(test, OccurrenceTest::Count(_, Window::Days(_, Zone::OfUser))) {
                    watch(&mut self.time_zone().conditions, condition, segment);
                }
                match of {
                    Source::Event(name) => {
                        self.events.entry(name.clone()).or_insert_with(|| OccurrenceWatch::new(of)).add(test, segment);
                    }
                    Source::Purchase(Some(product)) => {
                        let watch = self.products.entry(product.clone()).or_insert_with(|| OccurrenceWatch::new(of));
                        watch.add(test, segment);
                    }
                    Source::Purchase(None) => {
                        self.purchases.get_or_insert_with(|| OccurrenceWatch::new(of)).add(test, segment);
                    }
                    Source::Session => {
                        self.sessions.get_or_insert_with(|| OccurrenceWatch::new(of)).add(test, segment);
                    }
                    Source::Tracked(tracked) => {
                        self.tracked.add(tracked);
                        let watch = self.counters.entry(tracked.id).or_insert_with(|| OccurrenceWatch::new(of));
                        watch.add(test, segment);
                    }
                    Source::Message(campaign, _) => {
                        watch(self.messages.entry(campaign.clone()).or_default(), condition, segment);
                    }
                }
            }
            Condition::Spent(spent) => {
                if matches!(spent.window, Window::Days(_, Zone::OfUser)) {
                    watch(&mut self.time_zone().conditions, condition, segment);
                }
                watch(&mut self.spent, condition, segment);
            }
            Condition::SessionTime(_) => watch(&mut self.session_time, condition, segment),
            Condition::FirstSeen(_) | Condition::LastSeen(_) | Condition::Device(..) => {
                watch(&mut self.always, condition, segment);
            }
            Condition::Near(_) => watch(&mut self.location, condition, segment),
            Condition::Subscription(..) | Condition::SubscriptionGroup(..) => {
                watch(&mut self.subscriptions, condition, segment);
            }
            Condition::Anonymous(_) => {
                if self.identity.last() != Some(&segment) {
                    self.identity.push(segment);
                }
            }
            // It never changes.
            Condition::RandomBucket(..) => {}
        }
    }

    fn attribute(&mut self, attribute: &AttributeRef) -> &mut AttributeWatch {
        let new = || AttributeWatch::new(attribute.clone());
        match attribute {
            AttributeRef::Standard(name) => self.standard.entry(*name).or_insert_with(new),
            AttributeRef::Custom(name) => self.custom.entry(name.clone()).or_insert_with(new),
        }
    }

    fn time_zone(&mut self) -> &mut AttributeWatch {
        self.attribute(&AttributeRef::Standard(StandardAttribute::TimeZone))
    }
}

fn watch(watches: &mut Watches, condition: &Condition, segment: u32) {
    watches.push(Watch { condition: condition.clone(), segments: vec![segment] });
}

/// Whether the filter can hold for somebody of whom nothing is known, and whether it can not.
fn possible(filter: &Filter) -> (bool, bool) {
    match filter {
        Filter::All(parts) => {
            let parts: Vec<_> = parts.iter().map(possible).collect();
            (parts.iter().all(|(holds, _)| *holds), parts.iter().any(|(_, fails)| *fails))
        }
        Filter::Any(parts) => {
            let parts: Vec<_> = parts.iter().map(possible).collect();
            (parts.iter().any(|(holds, _)| *holds), parts.iter().all(|(_, fails)| *fails))
        }
        Filter::Not(part) => {
            let (holds, fails) = possible(part);
            (fails, holds)
        }
        Filter::Segment(_, filter) => filter.as_ref().map_or((false, true), |filter| possible(filter)),
        Filter::Condition(condition) => match condition {
            // What these look at is known of everybody.
            Condition::FirstSeen(_)
            | Condition::LastSeen(_)
            | Condition::Device(..)
            | Condition::Anonymous(_)
            | Condition::RandomBucket(..) => (true, true),
            Condition::Attribute { .. }
            | Condition::Occurrences { .. }
            | Condition::Spent(_)
            | Condition::SessionTime(_)
            | Condition::Near(_)
            | Condition::Subscription(..)
            | Condition::SubscriptionGroup(..) => {
                let nobody = Profile::new(Timestamp::from_ms(0));
                let holds = condition.verdict(&Subject::of(&nobody), Timestamp::from_ms(0)).matches;
                (holds, !holds)
            }
        },
    }
}

impl OccurrenceWatch {
    fn new(source: &Source) -> Self {
        Self { source: source.clone(), ever: Thresholds::default(), within: BTreeMap::new(), others: Vec::new() }
    }

    fn add(&mut self, test: &OccurrenceTest, segment: u32) {
        let (bounds, thresholds) = match test {
            OccurrenceTest::Count(bounds, Window::Ever) => (bounds, &mut self.ever),
            OccurrenceTest::Count(bounds, Window::Within(within)) => (bounds, self.within.entry(*within).or_default()),
            _ => return self.others.push((test.clone(), segment)),
        };
        for turns in [Some(bounds.least), bounds.most.and_then(|most| most.checked_add(1))].into_iter().flatten() {
            thresholds.0.entry(turns).or_default().push(segment);
        }
    }

    /// Adds the segments of which a condition is overturned.
    fn overturned(&self, before: &Occurrences<'_>, subject: &Subject<'_>, now: Timestamp, segments: &mut Vec<u32>) {
        let after = self.source.occurrences(subject.profile);
        self.ever.crossed(before.count(), after.count(), segments);
        for (within, thresholds) in &self.within {
            // Those in the window. When more come, conditions on how many stay certain for as long as they were, or longer: the
            // n-th most recent one is a later one.
            let begins = now.minus(*within);
            thresholds.crossed(before.known_after(begins), after.known_after(begins), segments);
        }
        for (test, segment) in &self.others {
            if test.verdict(before, subject, now).is_overturned_by(test.verdict(&after, subject, now)) {
                segments.push(*segment);
            }
        }
    }
}

impl Thresholds {
    /// Adds the segments with a condition that turns between two counts.
    fn crossed(&self, before: u64, after: u64, segments: &mut Vec<u32>) {
        let (less, more) = (before.min(after), before.max(after));
        if less < more {
            for (_, turning) in self.0.range(less + 1..=more) {
                segments.extend(turning);
            }
        }
    }
}

impl AttributeWatch {
    fn new(attribute: AttributeRef) -> Self {
        Self { attribute, equal: HashMap::new(), bounds: BTreeMap::new(), others: Vec::new(), conditions: Vec::new() }
    }

    fn add(&mut self, path: &[String], test: &AttributeTest, segment: u32) {
        if path.is_empty()
            && let AttributeTest::Value(test) = test
        {
            let operands = match &test.operand {
                Value::Array(operands) => operands.as_slice(),
                operand => std::slice::from_ref(operand),
            };
            match test.operator {
                Operator::Is | Operator::IsNot | Operator::In | Operator::NotIn if !test.ignores_case => {
                    for value in operands {
                        self.equal.entry(hash(value)).or_default().push(segment);
                    }
                    return;
                }
                Operator::Greater | Operator::AtLeast | Operator::Less | Operator::AtMost | Operator::Between => {
                    let number = |bound: &Value| if let Value::Number(at) = bound { Some(at.get()) } else { None };
                    if let Some(ends) = operands.iter().map(number).collect::<Option<Vec<_>>>() {
                        for end in ends {
                            self.bounds.entry(Sortable(end)).or_default().push(segment);
                        }
                        return;
                    }
                }
                _ => {}
            }
        }
        self.others.push((path.to_vec(), test.clone(), segment));
    }

    /// Adds the segments of which a condition is overturned.
    fn overturned(&self, before: Option<&Value>, subject: &Subject<'_>, now: Timestamp, segments: &mut Vec<u32>) {
        let after = self.attribute.value(subject.profile);
        if before == after {
            return;
        }
        for value in [before, after].into_iter().flatten() {
            segments.extend(self.equal.get(&hash(value)).into_iter().flatten());
        }
        let number =
            |value: Option<&Value>| if let Some(Value::Number(number)) = value { Some(number.get()) } else { None };
        match (number(before), number(after)) {
            (Some(before), Some(after)) => {
                let between = Sortable(before.min(after))..=Sortable(before.max(after));
                segments.extend(self.bounds.range(between).flat_map(|(_, segments)| segments));
            }
            (None, None) => {}
            // It becomes a number, or is none any more: anything can turn.
            _ => segments.extend(self.bounds.values().flatten()),
        }
        for (path, test, segment) in &self.others {
            let verdict = |value| test.verdict(value, path, subject, now);
            if verdict(before).is_overturned_by(verdict(after)) {
                segments.push(*segment);
            }
        }
    }
}

fn hash(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Null => 0_u8.hash(&mut hasher),
        Value::Bool(value) => (1_u8, value).hash(&mut hasher),
        Value::Number(number) => (2_u8, number.get().to_bits()).hash(&mut hasher),
        Value::String(text) => (3_u8, text).hash(&mut hasher),
        Value::Time(at) => (4_u8, at).hash(&mut hasher),
        // No condition asks whether something is one of these.
        Value::Array(_) | Value::Object(_) => 5_u8.hash(&mut hasher),
    }
    hasher.finish()
}

impl<'i> Before<'i> {
    fn note_kind<P>(&mut self, kind: &RecordKind<P>, subject: &Subject<'_>, now: Timestamp) {
        let index = self.index;
        match kind {
            RecordKind::CustomEvent { name, .. } => self.note_occurrences(index.events.get(name), subject),
            RecordKind::Purchase { product_id, .. } => {
                self.note_occurrences(index.purchases.as_ref(), subject);
                self.note_occurrences(index.products.get(product_id), subject);
                if subject.profile.purchases.is_recent_full() {
                    // The oldest of the last purchases leaves, and that may be one of any product.
                    for watch in index.products.values() {
                        self.note_occurrences(Some(watch), subject);
                    }
                }
                self.note(&index.spent, subject, now);
            }
            RecordKind::Attribute { name, .. } => self.note_attribute(index.standard.get(name), subject, now),
            RecordKind::CustomAttribute { name, .. } => self.note_attribute(index.custom.get(name), subject, now),
            RecordKind::SessionStart { .. } => self.note_occurrences(index.sessions.as_ref(), subject),
            RecordKind::SessionEnd { .. } => self.note(&index.session_time, subject, now),
            RecordKind::MessageImpression { message, .. }
            | RecordKind::MessageClick { message, .. }
            | RecordKind::MessageDismissal { message, .. } => {
                if let Some(watches) = index.messages.get(message) {
                    self.note(watches, subject, now);
                }
            }
            RecordKind::Subscription { .. } | RecordKind::SubscriptionGroup { .. } => {
                self.note(&index.subscriptions, subject, now);
            }
            RecordKind::Location(_) => self.note(&index.location, subject, now),
            // Devices are always looked at; who somebody is changes elsewhere.
            RecordKind::Identified | RecordKind::Alias { .. } | RecordKind::Device(_) => {}
        }
        for tracked in index.tracked.of(kind) {
            self.note_occurrences(index.counters.get(&tracked.id), subject);
        }
    }

    fn note(&mut self, watches: &'i Watches, subject: &Subject<'_>, now: Timestamp) {
        if !watches.is_empty() && !self.conditions.iter().any(|(noted, _)| std::ptr::eq(*noted, watches)) {
            let verdicts = watches.iter().map(|watch| watch.condition.verdict(subject, now)).collect();
            self.conditions.push((watches, verdicts));
        }
    }

    fn note_attribute(&mut self, watch: Option<&'i AttributeWatch>, subject: &Subject<'_>, now: Timestamp) {
        if let Some(watch) = watch
            && !self.attributes.iter().any(|(noted, _)| std::ptr::eq(*noted, watch))
        {
            self.attributes.push((watch, watch.attribute.value(subject.profile).cloned()));
            self.note(&watch.conditions, subject, now);
        }
    }

    fn note_occurrences(&mut self, watch: Option<&'i OccurrenceWatch>, subject: &Subject<'_>) {
        if let Some(watch) = watch
            && !self.occurrences.iter().any(|(noted, _)| std::ptr::eq(*noted, watch))
        {
            self.occurrences.push((watch, watch.source.occurrences(subject.profile).into_owned()));
        }
    }

    /// The segments of which a condition is overturned by what is now, in order and each once. `now` must be the same instant as
    /// before: what time overturns is told by verdicts themselves.
    pub fn overturned(&self, subject: &Subject<'_>, now: Timestamp) -> Vec<u32> {
        let mut segments = Vec::new();
        for (watch, before) in &self.attributes {
            watch.overturned(before.as_ref(), subject, now, &mut segments);
        }
        for (watch, before) in &self.occurrences {
            watch.overturned(before, subject, now, &mut segments);
        }
        for (watches, before) in &self.conditions {
            for (watch, before) in watches.iter().zip(before) {
                if before.is_overturned_by(watch.condition.verdict(subject, now)) {
                    segments.extend(&watch.segments);
                }
            }
        }
        segments.sort_unstable();
        segments.dedup();
        segments
    }
}

#[cfg(test)]
pub(super) mod tests;
