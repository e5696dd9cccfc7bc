//! The figures.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    bodies::RECORDS,
    load::Measured,
    subject::{Kind, Simple},
};

/// What was measured of each subject.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rounds: Vec<(Kind, Measured)>,
    peaks: Vec<(Kind, u64)>,
    /// How long the full server took to start after a crash, and after it was stopped in order.
    starts: Option<(Duration, Duration)>,
}

impl Report {
    pub(crate) fn add(&mut self, kind: Kind, measured: Measured) {
        self.rounds.push((kind, measured));
    }

    pub(crate) fn set_peak(&mut self, kind: Kind, mib: u64) {
        self.peaks.push((kind, mib));
    }

    pub(crate) const fn set_starts(&mut self, after_crash: Duration, after_stop: Duration) {
        self.starts = Some((after_crash, after_stop));
    }

    fn peak(&self, kind: Kind) -> u64 {
        self.peaks.iter().find(|(of, _)| *of == kind).map_or(0, |(_, mib)| *mib)
    }

    /// The middle one of a figure's rounds.
    fn middle(&self, kind: Kind, figure: impl Fn(&Measured) -> f64) -> f64 {
        let mut figures: Vec<f64> =
            self.rounds.iter().filter(|(of, _)| *of == kind).map(|(_, measured)| figure(measured)).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn rate(&self, kind: Kind) -> f64 {
        self.middle(kind, Measured::requests_per_second)
    }

    fn ratio(&self, kind: Kind) -> f64 {
        self.rate(kind) / self.rate(Kind::Simple(Simple::Bare))
    }

    pub(crate) fn figures(&self) -> Value {
        let full = Kind::Full(10);
        json!({
            "bare_rps": self.rate(Kind::Simple(Simple::Bare)),
            "parse_rps": self.rate(Kind::Simple(Simple::Parse)),
            "full_rps_10": self.rate(full),
            "full_rps_1000": self.rate(Kind::Full(1_000)),
            "ratio_10": self.ratio(full),
            "ratio_1000": self.ratio(Kind::Full(1_000)),
            "p99_ms_10": self.middle(full, |measured| measured.percentile_ms(0.99)),
            "peak_rss_mib": self.peak(full),
            "cpu_us_10": self.middle(full, Measured::server_us_per_request),
            "start_after_crash_ms": self.starts.map(|(crash, _)| crash.as_millis()),
            "start_after_stop_ms": self.starts.map(|(_, stop)| stop.as_millis()),
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    pub(crate) fn print(&self) {
        println!(
            "{:<10} {:>11} {:>11} {:>8} {:>8} {:>9} {:>9} {:>9}",
            "", "requests/s", "records/s", "p50 ms", "p99 ms", "CPU us", "peak MiB", "of bare"
        );
        for kind in Kind::ALL.into_iter().filter(|kind| self.rounds.iter().any(|(of, _)| of == kind)) {
            println!(
                "{:<10} {:>11.0} {:>11.0} {:>8.2} {:>8.2} {:>9.1} {:>9} {:>9.2}",
                kind.name(),
                self.rate(kind),
                self.rate(kind) * RECORDS as f64,
                self.middle(kind, |measured| measured.percentile_ms(0.5)),
                self.middle(kind, |measured| measured.percentile_ms(0.99)),
                self.middle(kind, Measured::server_us_per_request),
                self.peak(kind),
                self.ratio(kind),
            );
        }
        if let Some((after_crash, after_stop)) = self.starts {
            println!(
                "full_10 starts in {} ms after a crash, in {} ms after it was stopped in order",
                after_crash.as_millis(),
                after_stop.as_millis()
            );
        }
    }
}
