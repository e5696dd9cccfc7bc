//! `/api/v1/users`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Json,
    extract::{Path, Query, State},
};
use kindling_core::{
    ids::{Alias, CampaignId, DeviceId, ExternalId, SegmentId, StreamId, UserId, VariantId},
    profile::{Activity, Interactions, ProductPurchases, Profile, Tally},
    protocol::{Channel, Currency, DeviceInfo, GroupState, Hundredths, Location, SubscriptionState},
    time::Timestamp,
    value::{Object, Value},
};
use serde::{Deserialize, Serialize};

use super::{App, Problem, auth::Secret};
use crate::{
    catalog::Workspace,
    ingest::{Memberships, UserDevice, UserState},
    now,
    store::{RecordCursor, RecordQuery, StoredRecord, StoredUser, UserRef},
};

/// Records on a page, unless the request says otherwise.
const PAGE: usize = 50;
/// Records on a page at most.
const LARGEST_PAGE: usize = 500;

/// A user as the API shows them.
#[derive(Serialize)]
pub(super) struct UserView {
    id: UserId,
    external_id: Option<ExternalId>,
    aliases: BTreeSet<Alias>,
    devices: Vec<DeviceView>,
    first_seen_at: Timestamp,
    last_seen_at: Timestamp,
    /// From 0 to 9999, the same for ever: for samples and staged roll-outs.
    bucket: u16,
    attributes: BTreeMap<&'static str, Value>,
    custom_attributes: BTreeMap<String, Value>,
    events: BTreeMap<String, TallyView>,
    purchases: PurchasesView,
    sessions: SessionsView,
    messages: BTreeMap<CampaignId, InteractionsView>,
    subscriptions: BTreeMap<Channel, SubscriptionState>,
    subscription_groups: BTreeMap<String, GroupState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<LocationView>,
    segments: Vec<SegmentId>,
}

/// A device of a user, the last used first.
#[derive(Serialize)]
struct DeviceView {
    id: DeviceId,
    last_seen_at: Timestamp,
    #[serde(flatten)]
    info: DeviceInfo,
}

impl From<&UserDevice> for DeviceView {
    fn from(device: &UserDevice) -> Self {
        Self { id: device.id, last_seen_at: device.last_seen, info: device.info() }
    }
}

#[derive(Serialize)]
struct TallyView {
    count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct PurchasesView {
    count: u64,
    revenue: BTreeMap<Currency, Hundredths>,
    products: BTreeMap<String, ProductView>,
}

#[derive(Serialize)]
struct ProductView {
    #[serde(flatten)]
    purchases: TallyView,
    quantity: u64,
    revenue: BTreeMap<Currency, Hundredths>,
}

#[derive(Serialize)]
struct LocationView {
    #[serde(flatten)]
    location: Location,
    at: Timestamp,
}

#[derive(Serialize)]
struct SessionsView {
    #[serde(flatten)]
    starts: TallyView,
    total_ms: i64,
}

#[derive(Serialize)]
struct InteractionsView {
    impressions: TallyView,
    clicks: TallyView,
    dismissals: TallyView,
    /// Clicks by button.
    buttons: BTreeMap<String, u64>,
    /// The variant that was seen first.
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<VariantId>,
}

impl From<&Tally> for TallyView {
    fn from(tally: &Tally) -> Self {
        Self { count: tally.count, first_at: tally.first, last_at: tally.last }
    }
}

impl From<&Activity> for TallyView {
    fn from(activity: &Activity) -> Self {
        Self { count: activity.count, first_at: activity.first, last_at: activity.last() }
    }
}

impl From<&Interactions> for InteractionsView {
    fn from(interactions: &Interactions) -> Self {
        Self {
            impressions: (&interactions.impressions).into(),
            clicks: (&interactions.clicks).into(),
            dismissals: (&interactions.dismissals).into(),
            buttons: interactions.buttons.clone(),
            variant: interactions.variant().cloned(),
        }
    }
}

impl From<&ProductPurchases> for ProductView {
    fn from(product: &ProductPurchases) -> Self {
        Self { purchases: (&product.tally()).into(), quantity: product.quantity, revenue: product.revenue.clone() }
    }
}

impl UserView {
    /// Segments are those of this very instant: what a timer has yet to write down is evaluated here.
    fn new(workspace: &Workspace, user: StoredUser, now: Timestamp) -> Self {
        let StoredUser { id, state } = user;
        let mut state = Arc::unwrap_or_clone(state);
        drop(state.update_memberships(id, workspace, &[], now));
        let UserState { external_id, profile, aliases, devices, memberships, .. } = state;
        Self {
            id,
            external_id,
            aliases,
            devices: devices.iter().map(DeviceView::from).collect(),
            first_seen_at: profile.first_seen,
            last_seen_at: profile.last_seen,
            bucket: id.random_bucket(),
            attributes: profile.standard_attributes().map(|(name, value)| (name.name(), value.clone())).collect(),
            custom_attributes: profile
                .custom_attributes()
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .collect(),
            events: profile.events().map(|(name, activity)| (name.to_owned(), activity.into())).collect(),
            purchases: purchases(&profile),
            sessions: SessionsView {
                starts: (&profile.sessions.starts.tally()).into(),
                total_ms: profile.sessions.total_ms,
            },
            messages: profile.messages().map(|(id, interactions)| (id.clone(), interactions.into())).collect(),
            segments: segments_of(&memberships, workspace),
            subscriptions: profile.subscriptions().collect(),
            subscription_groups: profile
                .subscription_groups()
                .map(|(group, state)| (group.to_owned(), state))
                .collect(),
            location: profile.location().map(|(location, at)| LocationView { location, at }),
        }
    }
}

fn purchases(profile: &Profile) -> PurchasesView {
    let purchases = &profile.purchases;
    PurchasesView {
        count: purchases.count,
        revenue: purchases.revenue.clone(),
        products: purchases.products.iter().map(|(id, product)| (id.clone(), product.into())).collect(),
    }
}

pub(super) fn parse_user(text: &str) -> Result<UserRef, Problem> {
    let user = if let Some(id) = text.strip_prefix("external_id:") {
        ExternalId::parse(id).ok().map(UserRef::External)
    } else if let Some(alias) = text.strip_prefix("alias:") {
        let alias = alias.split_once(':');
        alias.map(|(label, name)| UserRef::Alias(Alias { label: label.to_owned(), name: name.to_owned() }))
    } else if let Some(id) = text.strip_prefix("device_id:") {
        DeviceId::parse(id).ok().map(UserRef::Device)
    } else {
        text.parse().ok().map(|id| UserRef::Id(UserId(id)))
    };
    user.ok_or_else(|| {
        Problem::bad_request(
            "invalid_user",
            "a user is named by number, by external_id:…, by alias:label:name or by device_id:…",
        )
    })
}

pub(super) fn unknown() -> Problem {
    Problem::not_found("there is no such user")
}

/// A user's profile, with the segments they are in.
pub(super) async fn get(
    State(app): State<App>,
    Secret(workspace): Secret,
    Path(user): Path<String>,
) -> Result<Json<UserView>, Problem> {
    let user = app.store.user(workspace.key, parse_user(&user)?).await?.ok_or_else(unknown)?;
    Ok(Json(UserView::new(&workspace, user, now())))
}

/// The segments that somebody is in, in the order of their ids.
fn segments_of(memberships: &Memberships, workspace: &Workspace) -> Vec<SegmentId> {
    let mut segments: Vec<SegmentId> = memberships
        .segments(workspace)
        .filter(|segment| !segment.id.is_of_campaign())
        .map(|segment| segment.id.clone())
        .collect();
    segments.sort_unstable();
    segments
}

/// Which records.
#[derive(Deserialize)]
pub(super) struct PageQuery {
    limit: Option<usize>,
    before: Option<String>,
    /// Only what happened at this instant or later, in milliseconds since 1970.
    from: Option<Timestamp>,
    /// Only what happened before this instant.
    to: Option<Timestamp>,
}

/// A page of records.
#[derive(Serialize)]
pub(super) struct RecordsView {
    records: Vec<RecordView>,
    next: Option<String>,
}

/// A record as the API shows it: as it was sent, but `at` by the server's clock.
#[derive(Serialize)]
struct RecordView {
    at: Timestamp,
    /// By the device's clock.
    device_at: Value,
    received_at: Timestamp,
    /// `None`: a site's own server sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<DeviceId>,
    stream: StreamId,
    #[serde(flatten)]
    record: Object,
}

impl From<StoredRecord> for RecordView {
    fn from(stored: StoredRecord) -> Self {
        let mut record = match stored.record {
            Value::Object(members) => members,
            _ => Object::new(),
        };
        let device_at = record.remove("at").unwrap_or(Value::Null);
        let StoredRecord { at, received_at, device, stream, .. } = stored;
        let device = device.is_some().then_some(device);
        Self { at, device_at, received_at, device, stream, record }
    }
}

/// A user's records, newest first.
pub(super) async fn records(
    State(app): State<App>,
    Secret(workspace): Secret,
    Path(user): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<RecordsView>, Problem> {
    let user = parse_user(&user)?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let before = page.before.as_deref().map(parse_cursor).transpose()?;
    let from = page.from.unwrap_or(Timestamp::from_ms(i64::MIN));
    let to = page.to.unwrap_or(Timestamp::from_ms(i64::MAX));
    let page =
        app.store.records(workspace.key, user, RecordQuery { from, to, before, limit }).await?.ok_or_else(unknown)?;
    Ok(Json(RecordsView {
        records: page.records.into_iter().map(RecordView::from).collect(),
        next: page.next.map(|RecordCursor { batch, place }| format!("{batch}-{place}")),
    }))
}

fn parse_cursor(text: &str) -> Result<RecordCursor, Problem> {
    let cursor = text
        .split_once('-')
        .and_then(|(batch, place)| Some(RecordCursor { batch: batch.parse().ok()?, place: place.parse().ok()? }));
    cursor.ok_or_else(|| Problem::bad_request("invalid_cursor", "before must be the next of an earlier page"))
}
