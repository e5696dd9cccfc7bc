//! What must hold, whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use ingest_server::{
    catalog::Workspace,
    store::{LoggedChange, RecordQuery, ReportRows, StoredRecord, UserRef},
};
use kindling_core::{
    calendar::Date,
    conversion::{Exposures, Figure, Happened, number_of},
    ids::{AnonymousId, CampaignId, ExternalId, SegmentId, StreamId, UserId},
    limits,
    profile::{Origin, Profile, Stamp},
    protocol::{Identity, Record, RecordKind},
    segment::evaluate,
    time::Timestamp,
    value::Value,
};

use crate::server::{CAMPAIGNS, Server};

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
    let mut reports: BTreeMap<CampaignId, ReportRows> = BTreeMap::new();
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
        let mut exposures = Exposures::default();
        for stored in &records {
            let identity = identities.get(&stored.stream).expect("a stream that was sent");
            let record: Record = serde_json::from_str(&serde_json::to_string(&stored.record).unwrap()).unwrap();
            assert!(places.insert((stored.stream, record.seq.0)), "twice in the log: {stored:?}");
            let origin = if identity.external_id.is_some() { Origin::Identified } else { Origin::Anonymous };
            profile.apply(&record.kind, Stamp { origin, at: stored.at, seq: record.seq }).unwrap();
            note(&mut reports, &mut exposures, &profile, &record.kind, stored.at, segments);
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
        for reached in state.exposures.reach.iter() {
            let (campaign, _) = CAMPAIGNS.iter().find(|(id, _)| number_of(id) == reached.campaign).unwrap();
            let report = reports.entry(CampaignId::parse(*campaign).unwrap()).or_default();
            for (figure, day) in [(Figure::Eligible, Some(reached.eligible)), (Figure::Sent, reached.sent)] {
                if let Some(day) = day {
                    *report.entry((Date::from_days(day.into()), None, figure)).or_default() += 1;
                }
            }
        }
        if is_kept_whole(&records) {
            exposures.reach = state.exposures.reach.clone();
            assert_eq!(state.exposures, exposures, "user {user}");
        }
        for (campaign, exposure) in state.exposures.campaigns() {
            let report = reports.entry(campaign.clone()).or_default();
            for (variant, day, figure, amount) in exposure.shares() {
                *report.entry((day, variant, figure)).or_default() += amount;
            }
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
    check_reports(server, &reports);
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

/// What a record does to reports, beside what follows from its user; and to that. The profile has it already.
fn note(
    reports: &mut BTreeMap<CampaignId, ReportRows>,
    exposures: &mut Exposures,
    profile: &Profile,
    kind: &RecordKind,
    at: Timestamp,
    workspace: &Workspace,
) {
    let conversions = |id: &CampaignId| workspace.campaign(id).unwrap().campaign.conversions.as_slice();
    let mut count = |campaign: &CampaignId, figure| {
        let report = reports.entry(campaign.clone()).or_default();
        *report.entry((Date::of(at, 0), None, figure)).or_default() += 1;
    };
    match kind {
        RecordKind::MessageImpression { message, .. } => {
            count(message, Figure::Impressions);
            exposures.see(message, (None, at), conversions(message), profile, &mut |_, _, _| {});
        }
        RecordKind::MessageClick { message, .. } => count(message, Figure::Clicks),
        _ => {}
    }
    for watch in workspace.conversions.of(kind) {
        let (properties, revenue) = match kind {
            RecordKind::CustomEvent { properties, .. } => (properties.as_ref(), None),
            RecordKind::Purchase { price, quantity, currency, .. } => (None, Some((*currency, price.times(*quantity)))),
            _ => (None, None),
        };
        if watch.tests.iter().all(|test| test.holds(properties)) {
            exposures.happen(watch, Happened { at, revenue }, conversions, &mut |_, _, _| {});
        }
    }
}

/// Whether what is kept of a user one by one is all there is, so that the order in which it arrived can't show.
fn is_kept_whole(records: &[StoredRecord]) -> bool {
    let count = |text: &str| {
        records
            .iter()
            .filter(|stored| {
                stored.record.as_object().is_some_and(|record| {
                    record.get("name").or_else(|| record.get("message")).and_then(Value::as_str) == Some(text)
                })
            })
            .count()
    };
    count("tick") <= limits::OUTCOMES_KEPT && count("sale") <= limits::IMPRESSIONS_KEPT
}

/// The reports are what the records and their users come to.
fn check_reports(server: &mut Server, wanted: &BTreeMap<CampaignId, ReportRows>) {
    let workspace = server.workspace;
    let days = (Date::from_days(0), Date::from_days(100_000));
    for (campaign, _) in CAMPAIGNS {
        let id = CampaignId::parse(campaign).unwrap();
        let found = server.store().report(workspace, &id, days).unwrap();
        assert_eq!(found, wanted.get(&id).cloned().unwrap_or_default(), "the report of {id}");
    }
}

/// How many conversions all reports have.
pub fn conversions(server: &mut Server) -> i64 {
    let (workspace, days) = (server.workspace, (Date::from_days(0), Date::from_days(100_000)));
    let mut conversions = 0;
    for (campaign, _) in CAMPAIGNS {
        let report = server.store().report(workspace, &CampaignId::parse(campaign).unwrap(), days).unwrap();
        let of = |(_, _, figure): &(_, _, Figure)| matches!(figure, Figure::Conversions(_));
        conversions += report.iter().filter(|(key, _)| of(key)).map(|(_, users)| users).sum::<i64>();
    }
    conversions
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
