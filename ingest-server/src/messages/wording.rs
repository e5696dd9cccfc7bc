//! The message of a campaign as one user gets it.

use std::borrow::Cow;

use kindling_core::{
    message::{InAppMessage, Render},
    profile::StandardAttribute,
    time::{Duration, Timestamp},
    value::Value,
};

use crate::{
    catalog::CampaignEntry,
    ingest::UserState,
    personalization::{MessageTemplate, NotRendered, Rendered, Subject},
};

/// So long a message that names the time stands as it is.
const HOUR_MS: i64 = 3_600_000;

/// The message as the user gets it; most are the same for everybody.
pub(super) fn word<'e>(
    entry: &'e CampaignEntry,
    user: &UserState,
    now: Timestamp,
) -> Result<Cow<'e, InAppMessage>, NotRendered> {
    let message = &entry.campaign.message;
    let Some(template) = &entry.campaign.template else {
        if message.content.translations.is_empty() {
            return Ok(Cow::Borrowed(message));
        }
        let content = message.content.in_language(language(user)).clone();
        return Ok(Cow::Owned(InAppMessage { content, ..message.clone() }));
    };
    let rendered = template.render(&subject(entry, user, now))?;
    let Some(Rendered { content, render }) = rendered else {
        return Ok(Cow::Owned(InAppMessage { render: Some(Render::Server), ..message.clone() }));
    };
    Ok(Cow::Owned(InAppMessage { content, render, ..message.clone() }))
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
