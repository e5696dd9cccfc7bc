//! What the command line shows, as text.

use std::fmt::Write as _;

use kindling_core::time::Timestamp;

use crate::store::{Progress, SegmentOverview, WorkspaceOverview};

/// A line for each segment: workspace, segment, how many are in it, and how far it is.
pub fn segments(workspaces: &[WorkspaceOverview], now: Timestamp) -> String {
    let rows =
        workspaces.iter().flat_map(|workspace| workspace.segments.iter().map(move |segment| (workspace, segment)));
    let widths = rows.clone().fold((9, 7), |(workspaces, segments), (workspace, segment)| {
        (workspaces.max(workspace.id.as_str().len()), segments.max(segment.id.as_str().len()))
    });
    let mut text = String::new();
    // Writing to a string does not fail.
    let mut line = |workspace: &str, segment: &str, size: &str, state: &str| {
        let _ = writeln!(text, "{workspace:<0$}  {segment:<1$}  {size:>10}  {state}", widths.0, widths.1);
    };
    line("WORKSPACE", "SEGMENT", "SIZE", "STATE");
    for (workspace, segment) in rows {
        let state = state(workspace, segment, now);
        line(workspace.id.as_str(), segment.id.as_str(), &segment.size.to_string(), &state);
    }
    text
}

fn state(workspace: &WorkspaceOverview, segment: &SegmentOverview, now: Timestamp) -> String {
    let told = |doing: &str, what: &str, progress: Progress| {
        let end = progress.expected_end(now).map(|end| end.since(now).as_ms() / 1_000 + 1);
        let end = end.map(|seconds| format!(", about {seconds} s left")).unwrap_or_default();
        format!("{doing} {}% ({} of {} {what}{end})", progress.percent(), progress.done, progress.total)
    };
    let backfill = &workspace.backfill;
    match (segment.awaits_counters, backfill.counting, backfill.asking) {
        (true, Some(progress), _) => told("counting", "batches", progress),
        (_, _, Some(progress)) => told("asking", "users", progress),
        _ => "live".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use kindling_core::ids::{SegmentId, WorkspaceId};

    use super::*;
    use crate::store::Backfill;

    #[test]
    fn segments_stand_in_columns() {
        let progress = |done| Some(Progress { done, total: 1_000, started_at: Timestamp::from_ms(0) });
        let segment = |id: &str, size, awaits_counters| SegmentOverview {
            id: SegmentId::parse(id).unwrap(),
            size,
            awaits_counters,
        };
        let shop = WorkspaceOverview {
            id: WorkspaceId::parse("shop").unwrap(),
            segments: vec![segment("keen", 12, false), segment("buyers_of_mugs", 0, true)],
            backfill: Backfill { counting: progress(0), asking: progress(400) },
        };
        let other = WorkspaceOverview {
            id: WorkspaceId::parse("other").unwrap(),
            segments: vec![segment("all", 1_000_000, false)],
            backfill: Backfill::default(),
        };
        let wanted = "WORKSPACE  SEGMENT               SIZE  STATE\n\
                      shop       keen                    12  asking 40% (400 of 1000 users, about 16 s left)\n\
                      shop       buyers_of_mugs           0  counting 0% (0 of 1000 batches)\n\
                      other      all                1000000  live\n";
        assert_eq!(segments(&[shop, other], Timestamp::from_ms(10_000)), wanted);
    }
}
