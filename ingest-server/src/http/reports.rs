//! `/api/v1/campaigns/{id}/report`: what a campaign came to.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use kindling_core::{calendar::Date, ids::CampaignId, limits};
use serde::{Deserialize, Serialize};

use super::{App, Problem, auth::Secret, campaigns::parse_id};
use crate::{campaign_report::CampaignReport, now};

/// Days of a report, unless it is said from when on.
const DAYS: i64 = 30;

/// What is asked for: which days, as `YYYY-MM-DD`, and in which form.
#[derive(Deserialize)]
pub(super) struct Asked {
    /// The first; 30 days with the last, unless it is said.
    from: Option<String>,
    /// The last; today, unless it is said.
    to: Option<String>,
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Csv,
}

/// What a campaign came to in some days.
#[derive(Serialize)]
pub(super) struct ReportView {
    campaign: CampaignId,
    from: String,
    to: String,
    #[serde(flatten)]
    report: CampaignReport,
}

impl Asked {
    /// The first and the last day.
    fn range(&self, today: Date) -> Result<(Date, Date), Problem> {
        let invalid = |detail: String| Problem::bad_request("invalid_days", detail);
        let day = |name: &str, text: &str| {
            Date::parse(text).ok_or_else(|| invalid(format!("{name} must be a day, like 2026-11-30")))
        };
        let last = self.to.as_deref().map_or(Ok(today), |text| day("to", text))?;
        let otherwise = Date::from_days(last.days() - DAYS + 1);
        let first = self.from.as_deref().map_or(Ok(otherwise), |text| day("from", text))?;
        let days = last.days() - first.days() + 1;
        if !(1..=limits::REPORT_DAYS).contains(&days) {
            let most = limits::REPORT_DAYS;
            return Err(invalid(format!("a report is of 1 to {most} days, and its first day not after its last")));
        }
        Ok((first, last))
    }
}

/// The report of a campaign.
pub(super) async fn get(
    State(app): State<App>,
    Secret(workspace): Secret,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let id = parse_id(id)?;
    let entry = workspace.campaign(&id).ok_or_else(|| Problem::not_found(format!("there is no campaign {id}")))?;
    let (from, to) = asked.range(Date::of(now(), 0))?;
    let rows = app.store.report(workspace.key, id.clone(), (from, to)).await?;
    let report = CampaignReport::new(&entry.campaign, &rows);
    if matches!(asked.format, Format::Csv) {
        let name = format!("attachment; filename=\"{id}_{from}_{to}.csv\"");
        let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, name.as_str())];
        return Ok((headers, report.to_csv()).into_response());
    }
    Ok(Json(ReportView { campaign: id, from: from.to_string(), to: to.to_string(), report }).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_bounded() {
        let today = Date::parse("2026-11-25").unwrap();
        let range = |from: Option<&str>, to: Option<&str>| {
            let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
            Asked { from, to, format: Format::Json }
                .range(today)
                .map(|(first, last)| format!("{first} {last}"))
                .map_err(|problem| problem.code())
        };
        assert_eq!(range(None, None).unwrap(), "2026-10-27 2026-11-25");
        assert_eq!(range(None, Some("2026-03-01")).unwrap(), "2026-01-31 2026-03-01");
        assert_eq!(range(Some("2026-11-25"), None).unwrap(), "2026-11-25 2026-11-25");
        assert!(range(Some("2025-11-25"), Some("2026-11-25")).is_ok());
        for (from, to) in [
            (Some("2025-11-24"), Some("2026-11-25")),
            (Some("2026-11-26"), None),
            (Some("2026-2-1"), None),
            (Some("2026-02-30"), None),
            (None, Some("yesterday")),
        ] {
            assert_eq!(range(from, to), Err("invalid_days"), "{from:?} {to:?}");
        }
    }
}
