//! What must hold, whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use ingest_server::store::{LoggedChange, RecordQuery, StoredRecord, UserRef};
use kindling_core::{
    ids::{AnonymousId, ExternalId, SegmentId, StreamId, UserId},
    profile::{Origin, Profile, Stamp},
    protocol::{Identity, Record, RecordKind},
    segment::evaluate,
    time::Timestamp,
};

use crate::server::Server;

/// Identities of streams, as they were sent.
pub type Identities = BTreeMap<StreamId, Identity>;

/// Whether a unique event has to be there once, or may have been lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Once,
    AtMostOnce,
}

/// Holds everything that the store has against what was sent. `events` are the unique events that were logged.
pub fn check(server: &mut Server, identities: &Identities, events: &BTreeMap<String, Fate>, now: Timestamp) {
    server.finish_backfill(now);
    server.fire_timers(now);
    let mut held_by: BTreeSet<(u32, UserId)> = BTreeSet::new();
    let mut counted: BTreeMap<String, u32> = BTreeMap::new();
    let mut places: BTreeSet<(StreamId, u64)> = BTreeSet::new();
    let mut owners: BTreeMap<AnonymousId, BTreeSet<Option<ExternalId>>> = BTreeMap::new();
    for number in 1.. {
        let Some((user, missing)) = find(server, UserId(number)) else { break };
        if missing {
            continue;
        }
        let workspace = server.workspace;
        let state = server.store().user(workspace, &UserRef::Id(user)).unwrap().unwrap().1;
        let records = records(server, user);
        let catalog = server.catalog.clone();
        let segments = catalog.workspace(workspace).unwrap();
        let tracked: Vec<_> = segments.segments.iter().flat_map(|segment| segment.filter.tracked()).collect();
        let tracked: BTreeMap<u64, _> = tracked.into_iter().map(|tracked| (tracked.id, tracked)).collect();
        // The profile is what its records make it, in whatever order.
        let mut profile = Profile::new(Timestamp::from_ms(0));
        for stored in &records {
            let identity = identities.get(&stored.stream).expect("a stream that was sent");
            let record: Record = serde_json::from_str(&serde_json::to_string(&stored.record).unwrap()).unwrap();
            assert!(places.insert((stored.stream, record.seq.0)), "twice in the log: {stored:?}");
            let origin = if identity.external_id.is_some() { Origin::Identified } else { Origin::Anonymous };
            profile.apply(&record.kind, Stamp { origin, at: stored.at, seq: record.seq }).unwrap();
            if let RecordKind::CustomEvent { name, properties } = &record.kind {
                for tracked in tracked.values().filter(|tracked| tracked.of.is(&record.kind)) {
                    if tracked.counts(properties.as_ref(), stored.at) {
                        profile.track(tracked.id, stored.at);
                    }
                }
                *counted.entry(name.clone()).or_default() += 1;
            }
            // It is on the profile of whoever it was sent for.
            match &identity.external_id {
                Some(id) => assert_eq!(state.external_id.as_ref(), Some(id), "{stored:?}"),
                None => {
                    let id = identity.anonymous_id.expect("an identity names somebody");
                    owners.entry(id).or_default().insert(state.external_id.clone());
                }
            }
        }
        if !records.is_empty() {
            let mut found = state.profile.clone();
            // What nobody asks for any more goes when the user is next changed.
            found.retain_tracked(|number| tracked.contains_key(&number));
            assert_eq!(found, profile, "user {user}");
        }
        // The segments are those of evaluating every filter anew.
        let wanted: Vec<&SegmentId> = segments
            .segments
            .iter()
            .filter(|segment| evaluate(&segment.filter, &state.subject(user), now).matches)
            .map(|segment| &segment.id)
            .collect();
        let held: Vec<&SegmentId> = state.memberships.segments(segments).map(|segment| &segment.id).collect();
        assert_eq!(held, wanted, "user {user} at {now:?}");
        held_by.extend(state.memberships.places().map(|place| (place, user)));
    }
    check_changes(server, &held_by);
    for (id, owners) in owners {
        // Whoever an anonymous visitor turned out to be is one of those who signed in on that page, and only one.
        assert_eq!(owners.len(), 1, "the records of {id} are on several profiles: {owners:?}");
        let signed_in: BTreeSet<&ExternalId> = identities
            .values()
            .filter(|identity| identity.anonymous_id == Some(id))
            .filter_map(|identity| identity.external_id.as_ref())
            .collect();
        if let Some(owner) = owners.iter().flatten().next() {
            assert!(signed_in.contains(owner), "{id} turned out to be {owner}, of {signed_in:?}");
        }
    }
    for (name, fate) in events {
        let times = counted.get(name).copied().unwrap_or(0);
        match fate {
            Fate::Once => assert_eq!(times, 1, "{name}"),
            Fate::AtMostOnce => assert!(times <= 1, "{name} is there {times} times"),
        }
    }
}

/// Entering and leaving alternate, and come to who is in which segment.
fn check_changes(server: &mut Server, held_by: &BTreeSet<(u32, UserId)>) {
    let workspace = server.workspace;
    let mut members: BTreeSet<(u32, UserId)> = BTreeSet::new();
    for LoggedChange { id, change } in server.store().changes(workspace).unwrap() {
        let place = (change.segment, change.user);
        let is_new = if change.entered { members.insert(place) } else { members.remove(&place) };
        assert!(is_new, "change {id} says what was so: {change:?}");
    }
    assert_eq!(&members, held_by);
    for segment in (0..).take(server.catalog.workspace(workspace).unwrap().segments.len()) {
        let wanted: Vec<UserId> = members.iter().filter(|(of, _)| *of == segment).map(|(_, user)| *user).collect();
        let (listed, size) = server.store().members(workspace, segment).unwrap();
        assert_eq!((listed.len() as u64, &listed), (size, &wanted), "segment {segment}");
    }
}

/// Whether a number is (still) a user's, and whose; `None`: no number so high was ever given.
fn find(server: &mut Server, id: UserId) -> Option<(UserId, bool)> {
    let workspace = server.workspace;
    let (found, _) = server.store().user(workspace, &UserRef::Id(id)).unwrap()?;
    Some((found, found != id))
}

fn records(server: &mut Server, user: UserId) -> Vec<StoredRecord> {
    let workspace = server.workspace;
    let mut query =
        RecordQuery { from: Timestamp::from_ms(i64::MIN), to: Timestamp::from_ms(i64::MAX), before: None, limit: 7 };
    let mut records = Vec::new();
    loop {
        let page = server.store().records(workspace, &UserRef::Id(user), &query).unwrap().unwrap();
        records.extend(page.records);
        match page.next {
            Some(next) => query.before = Some(next),
            None => return records,
        }
    }
}
