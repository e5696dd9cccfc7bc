//! The numbers of campaigns' reports: written with the users that they follow from, in one checkpoint.

use kindling_core::{
    calendar::Date,
    conversion::Figure,
    ids::{CampaignId, VariantId},
};
use rusqlite::{Connection, Transaction, params};

use super::engine::Engine;
use crate::{
    ingest::{ReportChanges, ReportKey},
    store::{ReportRows, StoreError, WorkspaceKey},
};

/// Which numbers of a campaign's report.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) workspace: WorkspaceKey,
    pub(super) campaign: CampaignId,
    /// The first day, and the last.
    pub(super) days: (Date, Date),
}

/// What no checkpoint has that is on disk for sure.
#[derive(Debug)]
pub(super) struct Recent {
    /// The number of the last checkpoint that is on disk for sure.
    written: i64,
    /// What the checkpoint that is being written changes, if one is; it may be on disk already.
    in_flight: Option<ReportRows>,
    /// What has changed since.
    since: ReportRows,
}

impl Wanted {
    fn covers(&self, key: &ReportKey) -> bool {
        let (first, last) = self.days;
        key.workspace == self.workspace && key.campaign == self.campaign && (first..=last).contains(&key.day)
    }

    fn of(&self, changes: &ReportChanges) -> ReportRows {
        let mut rows = ReportRows::new();
        let wanted = changes.iter().filter(|(key, _)| self.covers(key));
        for (ReportKey { variant, day, figure, .. }, amount) in wanted {
            rows.insert((*day, variant.clone(), figure.clone()), amount);
        }
        rows
    }
}

/// Changes the numbers, once: it is to be in the transaction that says so.
pub(super) fn write(transaction: &Transaction<'_>, changes: &ReportChanges) -> Result<(), StoreError> {
    let mut sorted: Vec<(&ReportKey, i64)> = changes.iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    let mut add = transaction.prepare_cached(
        "INSERT INTO reports VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
    )?;
    for (ReportKey { workspace, campaign, variant, day, figure }, amount) in sorted {
        let variant = variant.as_ref().map_or("", VariantId::as_str);
        add.execute(params![workspace.0, campaign.as_str(), day.days(), variant, figure.to_text(), amount])?;
    }
    Ok(())
}

/// The number of the last checkpoint.
pub(super) fn checkpoints(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.prepare_cached("SELECT checkpoint FROM progress")?.query_row([], |row| row.get(0))?)
}

/// The numbers of a report, of which these are the recent changes. `None`: a further checkpoint has been written since they were told.
pub(super) fn read(profiles: &Connection, wanted: &Wanted, recent: &Recent) -> Result<Option<ReportRows>, StoreError> {
    // One look at the file: the numbers are those of the checkpoint that it names.
    let transaction = profiles.unchecked_transaction()?;
    let written = checkpoints(&transaction)?;
    let mut recents = vec![&recent.since];
    match &recent.in_flight {
        _ if written < recent.written => return Ok(None),
        Some(in_flight) if written == recent.written => recents.push(in_flight),
        Some(_) if written == recent.written + 1 => {}
        None if written == recent.written => {}
        _ => return Ok(None),
    }
    let mut rows = stored(&transaction, wanted)?;
    for (key, amount) in recents.into_iter().flatten() {
        let sum = rows.entry(key.clone()).or_default();
        *sum = sum.saturating_add(*amount);
    }
    rows.retain(|_, amount| *amount != 0);
    Ok(Some(rows))
}

fn stored(connection: &Connection, wanted: &Wanted) -> Result<ReportRows, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT day, variant, figure, amount FROM reports
         WHERE workspace = ?1 AND campaign = ?2 AND day BETWEEN ?3 AND ?4",
    )?;
    let (first, last) = wanted.days;
    let of = params![wanted.workspace.0, wanted.campaign.as_str(), first.days(), last.days()];
    let rows = statement.query_map(of, |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get::<_, i64>(3)?))
    })?;
    let mut found = ReportRows::new();
    for row in rows {
        let (day, variant, figure, amount) = row?;
        let corrupt = || StoreError::Corrupt(format!("the number {figure} of {} {variant}", wanted.campaign));
        let variant =
            if variant.is_empty() { None } else { Some(VariantId::parse(variant.as_str()).map_err(|_| corrupt())?) };
        let figure = Figure::parse(&figure).ok_or_else(corrupt)?;
        found.insert((Date::from_days(day), variant, figure), amount);
    }
    Ok(found)
}

impl Engine {
    /// What the profiles may not have of a report.
    pub(super) fn recent_of_report(&mut self, wanted: &Wanted) -> Result<Recent, StoreError> {
        self.ready()?;
        let (written, in_flight, since) = self.report_changes();
        Ok(Recent { written, in_flight: in_flight.map(|changes| wanted.of(changes)), since: wanted.of(since) })
    }
}
