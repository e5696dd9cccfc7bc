//! The law of the write path: however the flushes of two devices of one person interleave, the outcome is the same.

use std::{collections::BTreeMap, sync::Arc};

use kindling_core::{
    calendar::Date,
    conversion::{Figure, Reach},
    ids::{AnonymousId, CampaignId, DeviceId, ExternalId, Seq, SessionId, StreamId, Uuid, VariantId, WorkspaceId},
    profile::StandardAttribute,
    protocol::{AttributeChange, Currency, GroupState, Hundredths, Identity, Record, RecordKind},
    time::{Duration, Timestamp},
    value::{Checked, Map, Value},
};
use proptest::prelude::*;

use super::{Batch, Incoming, Person, ReportChanges, ReportKey, UserAgent, UserState, Working, apply};
use crate::{
    campaign::Campaign,
    catalog::{CampaignEntry, Workspace},
    settings::Settings,
    store::WorkspaceKey,
};

/// Records, and how long after the start they happened.
type Records = Vec<(RecordKind<Checked>, i64)>;

/// A flush, and whether its user had signed in.
type Flush = (bool, Records);

const START: Timestamp = Timestamp::from_ms(1_763_917_561_000);

fn any_change() -> impl Strategy<Value = AttributeChange> {
    let value = || (0..5i32).prop_map(Value::from);
    prop_oneof![
        value().prop_map(|value| AttributeChange::Set { value }),
        (-3..9i32).prop_map(|by| AttributeChange::Increment { by: by.into() }),
        value().prop_map(|value| AttributeChange::Add { value }),
        value().prop_map(|value| AttributeChange::Remove { value }),
        value().prop_map(|value| AttributeChange::SetPath { path: vec!["a".into(), "b".into()], value }),
        ("[xy]", value()).prop_map(|(name, value)| AttributeChange::Merge {
            value: Map::from_entries(vec![(name, value)]).unwrap_or_default()
        }),
    ]
}

fn any_kind() -> impl Strategy<Value = RecordKind<Checked>> {
    prop_oneof![
        "[abc]".prop_map(|name| RecordKind::CustomEvent { name, properties: None }),
        ("[pq]", 1..500i64, 1..4u32).prop_map(|(product_id, price, quantity)| RecordKind::Purchase {
            product_id,
            price: Hundredths(price),
            currency: Currency::parse("EUR").unwrap(),
            quantity,
            properties: None,
        }),
        "[xyz]".prop_map(|name| RecordKind::Attribute { name: StandardAttribute::FirstName, value: name.into() }),
        ("[kl]", any_change()).prop_map(|(name, change)| RecordKind::CustomAttribute { name, change }),
        ("[gh]", any::<bool>()).prop_map(|(group, there)| RecordKind::SubscriptionGroup {
            group,
            state: if there { GroupState::Subscribed } else { GroupState::Unsubscribed },
        }),
        "[mn]".prop_map(|name| RecordKind::Alias { label: "crm".into(), name }),
        any_message(),
        Just(RecordKind::SessionStart { session: SessionId(Uuid::from_u128(9)) }),
    ]
}

fn any_message() -> impl Strategy<Value = RecordKind<Checked>> {
    // The last one of each is not defined.
    let message = || "[abx]".prop_map(|id| CampaignId::parse(id).unwrap());
    let variant = || prop::option::of("[stx]".prop_map(|id| VariantId::parse(id).unwrap()));
    prop_oneof![
        4 => (message(), variant()).prop_map(|(message, variant)| RecordKind::MessageImpression { message, variant }),
        1 => (message(), prop::option::of("(go|x)"), variant())
            .prop_map(|(message, button, variant)| RecordKind::MessageClick { message, button, variant }),
        1 => (message(), variant()).prop_map(|(message, variant)| RecordKind::MessageDismissal { message, variant }),
    ]
}

fn campaign(id: &str, conversions: &serde_json::Value) -> CampaignEntry {
    let content = serde_json::json!({"type": "modal", "body": "B", "buttons": [{"id": "go", "text": "Go"}]});
    let variants = serde_json::json!([
        {"id": "s", "percentage": 50, "message": content}, {"id": "t", "percentage": 50, "control": true},
    ]);
    let definition = serde_json::json!({
        "channel": "in_app", "trigger": {"type": "session_start"}, "variants": variants, "conversions": conversions,
    });
    let definition: Value = serde_json::from_value(definition).unwrap();
    let id = CampaignId::parse(id).unwrap();
    let campaign = Campaign::parse(id.clone(), &definition).unwrap();
    CampaignEntry { id, campaign, definition, digest: [0; 32], losses: Arc::default() }
}

fn workspace() -> Arc<Workspace> {
    let a = serde_json::json!([
        {"id": "bought", "type": "purchase", "within": "1s"},
        {"id": "p", "type": "purchase", "product_id": "p", "where": [{"property": "n", "exists": false}], "within": "1s"},
        {"id": "back", "type": "session_start", "within": "2s"},
    ]);
    let b = serde_json::json!([{"id": "done", "type": "custom_event", "name": "a", "within": "1s"}]);
    let name = (WorkspaceKey(1), WorkspaceId::parse("w").unwrap(), String::new());
    Arc::new(Workspace::new(name, 1, Vec::new(), vec![campaign("a", &a), campaign("b", &b)], Settings::default()))
}

/// What the reports must have come to: what happened again and again, by the records, and what follows from the one user there is.
fn wanted_reports<'b>(
    workspace: &Workspace,
    batches: impl Iterator<Item = &'b Batch>,
    user: &UserState,
) -> ReportChanges {
    let mut wanted = ReportChanges::default();
    let mut add = |campaign: &CampaignId, variant: Option<&VariantId>, day, figure, amount| {
        let (workspace, campaign, variant) = (workspace.key, campaign.clone(), variant.cloned());
        wanted.add(ReportKey { workspace, campaign, variant, day, figure }, amount);
    };
    for record in batches.flat_map(|batch| &batch.records).filter_map(|incoming| incoming.record.as_ref().ok()) {
        let (campaign, variant, figure, button) = match &record.kind {
            RecordKind::MessageImpression { message, variant } => (message, variant, Figure::Impressions, None),
            RecordKind::MessageClick { message, button, variant } => {
                (message, variant, Figure::Clicks, button.as_ref())
            }
            RecordKind::MessageDismissal { message, variant } => (message, variant, Figure::Dismissals, None),
            _ => continue,
        };
        let Some(entry) = workspace.campaign(campaign) else { continue };
        let variant = variant.as_ref().filter(|variant| entry.campaign.variants.get(variant).is_some());
        // All of it is at most three seconds after the start.
        let day = Date::of(START, 0);
        add(campaign, variant, day, figure, 1);
        if let Some(button) = button.filter(|button| *button == "go") {
            add(campaign, variant, day, Figure::ButtonClicks(button.clone()), 1);
        }
    }
    for (campaign, exposure) in user.exposures.campaigns() {
        for (variant, day, figure, amount) in exposure.shares() {
            add(campaign, variant.as_ref(), day, figure, amount);
        }
    }
    wanted
}

/// How many users campaigns reached, eligible and sent, of all variants; and all other numbers. The day and the variant of those are of what
/// arrives first.
fn split_reached(reports: &ReportChanges) -> (BTreeMap<CampaignId, [i64; 2]>, ReportChanges) {
    let (mut reached, mut others) = (BTreeMap::<CampaignId, [i64; 2]>::new(), ReportChanges::default());
    for (key, amount) in reports.iter() {
        match key.figure {
            Figure::Eligible => reached.entry(key.campaign.clone()).or_default()[0] += amount,
            Figure::Sent => reached.entry(key.campaign.clone()).or_default()[1] += amount,
            _ => others.add(key.clone(), amount),
        }
    }
    (reached, others)
}

/// The flushes of a device: first an anonymous visitor's, then those of the person that they turned out to be.
fn any_flushes() -> impl Strategy<Value = Vec<Flush>> {
    let flush = || prop::collection::vec((any_kind(), 0..3_000i64), 1..5);
    (prop::collection::vec(flush(), 0..4), prop::collection::vec(flush(), 1..4)).prop_map(|(visitor, member)| {
        let visitor = visitor.into_iter().map(|records| (false, records));
        visitor.chain(member.into_iter().map(|records| (true, records))).collect()
    })
}

fn batches(workspace: &Arc<Workspace>, device: u128, flushes: Vec<Flush>) -> Vec<Batch> {
    let id = |part: u128| Uuid::from_u128(device << 8 | part);
    let anonymous_id = Some(AnonymousId(id(1)));
    let mut seqs = [0; 2];
    let batch = |(signed_in, records): Flush| {
        let seq = &mut seqs[usize::from(signed_in)];
        let records = records.into_iter().map(|(kind, after)| {
            *seq += 1;
            // An alias that both claim is the first one's, whoever that is.
            let kind = match kind {
                RecordKind::Alias { label, name } => RecordKind::Alias { label, name: format!("{name}{device}") },
                other => other,
            };
            let record = Record { seq: Seq(*seq), at: START.plus(Duration::from_ms(after)), kind };
            Incoming { seq: Seq(*seq), record: Ok(record) }
        });
        Batch {
            workspace: Arc::clone(workspace),
            device: DeviceId(id(2)),
            stream: StreamId(id(if signed_in { 4 } else { 3 })),
            identity: Identity { external_id: signed_in.then(|| ExternalId::parse("ada").unwrap()), anonymous_id },
            sent_at: START,
            received_at: START,
            messages: None,
            auth: None,
            user_agent: UserAgent::default(),
            records: records.collect(),
            body: bytes::Bytes::new(),
            is_plain: true,
        }
    };
    flushes.into_iter().map(batch).collect()
}

fn ada(working: &mut Working) -> Arc<UserState> {
    let key = (WorkspaceKey(1), ExternalId::parse("ada").unwrap());
    let id = *working.external_ids.get(&key).unwrap();
    match working.users.get(&id) {
        Some(Person::Here(user)) => Arc::clone(user),
        _ => panic!("ada is somebody"),
    }
}

proptest! {
    #[test]
    fn any_interleaving_of_two_devices_gives_the_same(
        phone in any_flushes(),
        laptop in any_flushes(),
        order in prop::collection::vec(any::<bool>(), 16),
        repeated in any::<bool>(),
    ) {
        let workspace = workspace();
        let (phone, laptop) = (batches(&workspace, 1, phone), batches(&workspace, 2, laptop));

        let mut one_after_the_other = Working::default();
        phone.iter().chain(&laptop).for_each(|batch| drop(apply(&mut one_after_the_other, batch)));

        let mut interleaved = Working::default();
        let (mut left, mut right) = (phone.iter().peekable(), laptop.iter().peekable());
        let mut order = order.into_iter().cycle();
        while left.peek().is_some() || right.peek().is_some() {
            let next = if order.next() == Some(true) { left.next().or_else(|| right.next()) } else { right.next().or_else(|| left.next()) };
            let Some(batch) = next else { continue };
            let answer = apply(&mut interleaved, batch);
            prop_assert_eq!(Some(answer.acked), batch.records.last().map(|record| record.seq));
            if repeated {
                prop_assert_eq!(apply(&mut interleaved, batch).acked, answer.acked);
            }
        }

        let (found, wanted) = (ada(&mut interleaved), ada(&mut one_after_the_other));
        prop_assert_eq!(&found.profile, &wanted.profile);
        prop_assert_eq!(found.devices.iter().count(), wanted.devices.iter().count());
        prop_assert_eq!(found.aliases.len(), wanted.aliases.len());
        // Of what reached the user, the first to arrive is kept.
        let without_reach = |user: &UserState| {
            let mut exposures = user.exposures.clone();
            exposures.reach = Reach::default();
            exposures
        };
        prop_assert_eq!(without_reach(&found), without_reach(&wanted));
        let reports = wanted_reports(&workspace, phone.iter().chain(&laptop), &found);
        for working in [&interleaved, &one_after_the_other] {
            let (reached, others) = split_reached(&working.reports);
            prop_assert_eq!(&others, &reports);
            // Of all variants together, everything that was seen was sent to one user.
            let seen = found.exposures.campaigns().map(|(id, _)| id.clone());
            prop_assert_eq!(reached, seen.map(|id| (id, [1, 1])).collect());
        }
    }
}
