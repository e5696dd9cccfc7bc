//! What there is in a data directory, read beside the server that has it open, or when none has.

use std::path::Path;

use anyhow::Context as _;
use kindling_core::ids::{SegmentId, WorkspaceId};

use super::{connection, counting, definitions, engine::Files, migrate, profiles, segments};
use crate::store::Backfill;

/// A workspace.
#[derive(Debug)]
pub struct WorkspaceOverview {
    /// Its id.
    pub id: WorkspaceId,
    /// Its segments, in the order of their ids.
    pub segments: Vec<SegmentOverview>,
    /// How far the store has come with what new and changed segments ask for.
    pub backfill: Backfill,
}

/// A segment.
#[derive(Debug)]
pub struct SegmentOverview {
    /// Its id.
    pub id: SegmentId,
    /// How many are in it, as it was last written down.
    pub size: u64,
    /// Whether the log is being counted for it, so that it stays as it is.
    pub awaits_counters: bool,
}

/// All workspaces, in the order of their ids, as they were last written down.
pub fn overview(directory: &Path) -> anyhow::Result<Vec<WorkspaceOverview>> {
    let files = Files::within(directory);
    let open = |file: &Path, steps| {
        let connection = connection::open_to_read(file)?;
        migrate::expect_current(&connection, steps)?;
        anyhow::Ok(connection)
    };
    let log = open(&files.log, migrate::LOG).with_context(|| files.log.display().to_string())?;
    let profiles = open(&files.profiles, migrate::PROFILES).with_context(|| files.profiles.display().to_string())?;
    let catalog = definitions::load(&log)?;
    let sizes = profiles::sizes(&profiles)?;
    let cursors = profiles::counted(&profiles)?;
    let mut workspaces = Vec::new();
    for workspace in catalog.workspaces() {
        let size = |place| sizes.get(&(workspace.key, place)).copied().unwrap_or_default();
        let segments = (0..).zip(&workspace.segments).map(|(place, segment)| SegmentOverview {
            id: segment.id.clone(),
            size: u64::try_from(size(place)).unwrap_or_default(),
            awaits_counters: segment.awaits_counters,
        });
        let mut segments: Vec<_> = segments.collect();
        segments.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let backfill = Backfill {
            counting: counting::progress(&log, &cursors, workspace.key)?,
            asking: segments::asking(&log, &profiles, workspace.key)?,
        };
        workspaces.push(WorkspaceOverview { id: workspace.id.clone(), segments, backfill });
    }
    workspaces.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    Ok(workspaces)
}
