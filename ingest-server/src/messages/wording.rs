//! What a campaign says to one user.

use std::borrow::Cow;

use kindling_core::{
    message::{Content, Render, Shown},
    profile::StandardAttribute,
    time::{Duration, Timestamp},
    value::Value,
};

use crate::{
    campaign::Variant,
    catalog::CampaignEntry,
    ingest::UserState,
    personalization::{Event, MessageTemplate, NotRendered, Rendered, Subject},
};

/// So long a message that names the time stands as it is.
const HOUR_MS: i64 = 3_600_000;

/// What a campaign says to one user.
pub(super) struct Wording<'e> {
    /// The content, which for most is the same for everybody; `None`: nothing, it is for the control group.
    pub(super) content: Option<Cow<'e, Content>>,
    /// What is still to be put in when its trigger fires.
    pub(super) render: Option<Render>,
}

/// What the variant of a campaign says to the user who gets it.
pub(super) fn word<'e>(
    entry: &CampaignEntry,
    variant: &'e Variant,
    user: &UserState,
    now: Timestamp,
) -> Result<Wording<'e>, NotRendered> {
    let Shown::Message(content) = &variant.shown else { return Ok(Wording { content: None, render: None }) };
    let Some(template) = &variant.template else {
        let content = content.in_language(language(user));
        return Ok(Wording { content: Some(Cow::Borrowed(content)), render: None });
    };
    Ok(match template.render(&subject(entry, user, now))? {
        Some(Rendered { content, render }) => Wording { content: Some(Cow::Owned(content)), render },
        None => Wording { content: Some(Cow::Borrowed(content)), render: Some(Render::Server) },
    })
}

/// All that the variant of a campaign says to the user who gets it, with the event that triggers it.
pub fn word_with(
    entry: &CampaignEntry,
    variant: &Variant,
    user: &UserState,
    event: Event<'_>,
    now: Timestamp,
) -> Result<Option<Content>, NotRendered> {
    let Shown::Message(content) = &variant.shown else { return Ok(None) };
    let Some(template) = &variant.template else { return Ok(Some(content.in_language(language(user)).clone())) };
    template.render_with(&subject(entry, user, now), event).map(Some)
}

/// Whom a campaign's message is for.
pub(super) fn subject<'s>(entry: &'s CampaignEntry, user: &'s UserState, now: Timestamp) -> Subject<'s> {
    let UserState { profile, external_id, .. } = user;
    let (external_id, language) = (external_id.as_ref(), language(user));
    Subject { profile, external_id, language, campaign: (&entry.id, &entry.campaign.name), now }
}

/// The language of a user: as their profile has it, or else as the browser is set that they used last.
fn language(user: &UserState) -> Option<&str> {
    let said = user.profile.standard(StandardAttribute::Language).and_then(Value::as_str);
    said.or_else(|| user.devices.language())
}

/// Until when it says the same, as long as nothing happens to the user.
pub(super) fn lasts(template: &MessageTemplate, now: Timestamp) -> Option<Timestamp> {
    let until_next = HOUR_MS - now.as_ms().rem_euclid(HOUR_MS);
    template.names_now().then(|| now.plus(Duration::from_ms(until_next)))
}
