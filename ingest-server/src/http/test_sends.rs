//! `POST /api/v1/campaigns/{id}/test`: a message to be seen on a user's devices, now.

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::HeaderMap,
};
use kindling_core::{
    decode::{self, Fields},
    ids::{CampaignId, TEST_SEND, VariantId},
    message::{InAppMessage, Shown},
    time::Timestamp,
};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Serialize;

use super::{
    App, Problem,
    auth::Secret,
    body,
    campaigns::parse_id,
    users::{parse_user, unknown},
};
use crate::{
    campaign::Variant,
    catalog::CampaignEntry,
    messages, now,
    personalization::Event,
    test_sends::{Recipient, WAITS},
};

/// A test send that waits.
#[derive(Serialize)]
pub(super) struct Sent {
    /// By what records of it are known.
    id: CampaignId,
    /// The variant that is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<VariantId>,
    /// How long it waits to be seen.
    expires_at: Timestamp,
}

/// Has the devices of a user show the message of a campaign, whatever else it says.
pub(super) async fn post(
    State(app): State<App>,
    Secret(workspace): Secret,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Sent>, Problem> {
    let campaign = parse_id(id)?;
    let entry = workspace.campaign(&campaign);
    let entry = entry.ok_or_else(|| Problem::not_found(format!("there is no campaign {campaign}")))?;
    let wanted = body::read_definition(&headers, body).await?;
    let fields = Fields::of(&wanted, &decode::Path::Definition).map_err(|error| Problem::invalid(&error))?;
    let read = || {
        fields.only(&["user", "variant"], "user or variant")?;
        let variant = fields.text("variant")?.map(VariantId::parse).transpose();
        let variant = variant.map_err(|error| fields.error("variant", error.expected))?;
        Ok((fields.required_text("user", "a user, like \"external_id:ada\"")?, variant))
    };
    let (user, variant) = read().map_err(|error| Problem::invalid(&error))?;
    let variant = variant_of(entry, variant.as_ref())?;

    let user = app.store.user(workspace.key, parse_user(user)?).await?.ok_or_else(unknown)?;
    let at = now();
    let content = messages::word_with(entry, variant, &user.state, Event::default(), at)?;
    let content = content.ok_or_else(shows_nothing)?;
    let id = new_id().ok_or_else(|| Problem::from(crate::ingest::IngestError::Unavailable))?;
    let message =
        InAppMessage::shown_now(id.clone(), entry.campaign.trigger.clone(), Shown::Message(Box::new(content)));
    let recipient = match &user.state.external_id {
        Some(id) => Recipient::User(id.clone()),
        None => Recipient::Devices(user.state.devices.iter().map(|device| device.id).collect()),
    };
    app.tests.add(workspace.key, recipient.clone(), message, at);
    match &recipient {
        Recipient::User(id) => app.live.tell_user(workspace.key, id),
        Recipient::Devices(devices) => devices.iter().for_each(|device| app.live.tell_device(workspace.key, *device)),
    }
    Ok(Json(Sent { id, variant: variant.id.clone(), expires_at: at.plus(WAITS) }))
}

/// The variant that is asked for, or else the first that shows anything.
fn variant_of<'e>(entry: &'e CampaignEntry, wanted: Option<&VariantId>) -> Result<&'e Variant, Problem> {
    let variants = &entry.campaign.variants;
    let variant = match wanted {
        Some(id) => variants.get(id).ok_or_else(|| Problem::not_found(format!("there is no variant {id}")))?,
        None => variants.iter().find(|variant| !variant.is_control()).ok_or_else(shows_nothing)?,
    };
    if variant.is_control() { Err(shows_nothing()) } else { Ok(variant) }
}

fn shows_nothing() -> Problem {
    Problem::bad_request("control", "the control group is shown nothing")
}

/// An id that no other test send has.
fn new_id() -> Option<CampaignId> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).ok()?;
    let number = u64::from_be_bytes(bytes);
    CampaignId::parse(format!("{TEST_SEND}{number:016x}")).ok()
}
