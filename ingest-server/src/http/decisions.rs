//! `/api/v1/users/{user}/decisions`: why somebody gets a message, and why not.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
};
use kindling_core::{
    ids::{CampaignId, SegmentId, VariantId},
    time::Timestamp,
};
use serde::Serialize;

use super::{
    App, Problem,
    audience::{ExplanationView, explanation_of},
    auth::Secret,
    users::{parse_user, unknown},
};
use crate::{
    messages::{Decision, decide},
    now,
};

/// What becomes of every campaign for one user.
#[derive(Serialize)]
pub(super) struct DecisionsView {
    /// The instant of which this is true.
    at: Timestamp,
    decisions: Vec<DecisionView>,
}

#[derive(Serialize)]
struct DecisionView {
    campaign: CampaignId,
    name: String,
    /// Which of several the user gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<VariantId>,
    #[serde(flatten)]
    decision: Decision,
    /// The same for people.
    reason: &'static str,
    /// Of the segment that the user is not in: which of its conditions hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<ExplanationView>,
}

/// What becomes of every campaign for a user, those first that a device would rather have.
pub(super) async fn get(
    State(app): State<App>,
    Secret(workspace): Secret,
    Path(user): Path<String>,
) -> Result<Json<DecisionsView>, Problem> {
    let mut user = app.store.user(workspace.key, parse_user(&user)?).await?.ok_or_else(unknown)?;
    let at = now();
    // Segments are those of this very instant: what a timer has yet to write down is evaluated here.
    drop(Arc::make_mut(&mut user.state).update_memberships(user.id, &workspace, &[], at));
    let mut decisions = Vec::new();
    let mut explanations: HashMap<SegmentId, ExplanationView> = HashMap::new();
    for (entry, variant, decision) in decide(&workspace, user.id, &user.state, at) {
        let explanation = match &decision {
            Decision::NotInSegment { segment: id } => match (explanations.get(id), workspace.segment(id)) {
                (Some(explained), _) => Some(explained.clone()),
                (None, None) => None,
                (None, Some(segment)) => {
                    let of = (&segment.filter, &segment.definition);
                    let explained = explanation_of(&app, &workspace, user.clone(), of.0, of.1).await?;
                    explanations.insert(id.clone(), explained.clone());
                    Some(explained)
                }
            },
            _ => None,
        };
        let (campaign, name, reason) = (entry.id.clone(), entry.campaign.name.clone(), decision.sentence());
        let variant = variant.id.clone();
        decisions.push(DecisionView { campaign, name, variant, decision, reason, explanation });
    }
    Ok(Json(DecisionsView { at, decisions }))
}
