//! The figures: the middle one of the rounds, a table with ratios, and whether the aims are held.

use std::{cmp::Ordering, collections::BTreeMap};

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    answers::MESSAGES,
    measure::{MANY_EVENTS, Round},
    subjects::{KINDLING, Subject},
};

/// What a page may load of Kindling, WASM and JavaScript together, in bytes as brotli has them.
const SIZE_AIM: u64 = 30_000;

/// What stands above the columns. The first has the names.
const HEADS: [&str; 12] = [
    "",
    "kB of a site",
    "of a page",
    "ready ms",
    "us a call",
    "of 10,000",
    "us an event",
    "requests",
    "kB sent",
    "arrived",
    "durable",
    "messages",
];

/// The figures of a subject. Those that were not measured are null.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Figures {
    version: String,
    brotli_wasm: u64,
    brotli_js: u64,
    /// All that a site ships.
    brotli_total: u64,
    /// What of it a page loads that tracks events, and shows no message.
    brotli_loaded: Option<u64>,
    /// From the import until the SDK is ready to send.
    init_ms: Option<f64>,
    /// What a call takes until it returns, of 1,000 in a loop. It may have done nothing until then but note the event: all the rest,
    /// storing it too, is in `busy_us`.
    call_us: Option<f64>,
    /// The same of 10,000, and how many of them were made: the loop is cut when it takes too long.
    call_us_10000: Option<f64>,
    calls_of_10000: Option<usize>,
    /// What the main thread is busy with an event in all, until it has arrived.
    busy_us: Option<f64>,
    /// Sent for 1,000 events.
    requests: Option<u64>,
    bytes: Option<u64>,
    /// How many of them did, within the time that they had.
    arrived: Option<usize>,
    stores_durably: bool,
    shows_messages: bool,
}

impl Figures {
    /// Of a subject, after these rounds.
    pub(crate) fn of(subject: &Subject, rounds: &[Round]) -> Self {
        let sent = || rounds.iter().filter_map(|round| round.sent.as_ref());
        let many_calls = || rounds.iter().filter_map(|round| round.many_calls);
        let (brotli_wasm, brotli_js) = (subject.brotli(".wasm"), subject.brotli(".js"));
        Self {
            version: subject.version.clone(),
            brotli_wasm,
            brotli_js,
            brotli_total: brotli_wasm + brotli_js,
            brotli_loaded: middle(sent(), |sent| sent.brotli_loaded, Ord::cmp),
            init_ms: middle(rounds.iter(), |round| round.init_ms, f64::total_cmp).map(tenths),
            call_us: middle(rounds.iter(), |round| round.calls.microseconds(), f64::total_cmp).map(tenths),
            call_us_10000: middle(many_calls(), |calls| calls.microseconds(), f64::total_cmp).map(tenths),
            calls_of_10000: middle(many_calls(), |calls| calls.number, Ord::cmp),
            busy_us: middle(sent(), |sent| sent.busy_us, f64::total_cmp).map(tenths),
            requests: middle(sent(), |sent| sent.requests, Ord::cmp),
            bytes: middle(sent(), |sent| sent.bytes, Ord::cmp),
            arrived: middle(sent(), |sent| sent.arrived, Ord::cmp),
            stores_durably: subject.stores_durably,
            shows_messages: subject.shows_messages,
        }
    }
}

/// The middle one of a figure's rounds; of an even number of them the lesser one. `None` without any.
fn middle<R, T: Copy>(
    rounds: impl Iterator<Item = R>,
    figure: impl Fn(R) -> T,
    order: impl Fn(&T, &T) -> Ordering,
) -> Option<T> {
    let mut figures: Vec<T> = rounds.map(figure).collect();
    figures.sort_by(order);
    figures.get(figures.len().saturating_sub(1) / 2).copied()
}

/// No clock here is better than that.
fn tenths(time: f64) -> f64 {
    (time * 10.0).round() / 10.0
}

/// All figures.
#[derive(Debug, Default)]
pub(crate) struct Report {
    kindling: Figures,
    peers: BTreeMap<String, Figures>,
    /// Why figures of a peer are not there, by its name.
    missing: BTreeMap<String, String>,
    /// Microseconds of a call of Kindling's while it holds no messages, and while it holds [`MESSAGES`].
    choice: Option<[f64; 2]>,
}

impl Report {
    pub(crate) fn add(&mut self, name: &str, figures: Figures) {
        if name == KINDLING {
            self.kindling = figures;
        } else {
            self.peers.insert(name.to_owned(), figures);
        }
    }

    pub(crate) fn set_missing(&mut self, name: &str, why: &str) {
        self.missing.insert(name.to_owned(), why.to_owned());
    }

    pub(crate) const fn set_choice(&mut self, call_us: [f64; 2]) {
        self.choice = Some(call_us);
    }

    /// The figures as JSON.
    pub(crate) fn figures(&self) -> Value {
        let held = |comparison: Option<Comparison<'_>>| comparison.map(|comparison| comparison.is_held());
        json!({
            "kindling": self.kindling,
            "peers": self.peers,
            "missing": self.missing,
            "choice_us": self.choice,
            "aims": {
                "size": self.size_is_held(),
                "call_us": held(self.compare(|figures| figures.call_us)),
                "busy_us": held(self.compare(|figures| figures.busy_us)),
            },
        })
    }

    const fn size_is_held(&self) -> bool {
        self.kindling.brotli_total <= SIZE_AIM
    }

    /// Kindling beside the peer that stores durably with the least of a figure. `None` if one of the two was not measured.
    fn compare(&self, figure: impl Fn(&Figures) -> Option<f64>) -> Option<Comparison<'_>> {
        let durable = self.peers.iter().filter(|(_, figures)| figures.stores_durably);
        let measured = durable.filter_map(|(name, figures)| Some((name.as_str(), figure(figures)?)));
        let (peer, cheapest) = measured.min_by(|(_, one), (_, other)| one.total_cmp(other))?;
        Some(Comparison { own: figure(&self.kindling)?, peer, cheapest })
    }

    /// What is printed.
    pub(crate) fn text(&self) -> String {
        let mut text = table(&self.rows());
        for (name, why) in &self.missing {
            text += &format!("{name} is missing: {why}\n");
        }
        if let Some([without, with]) = self.choice {
            let choosing = with - without;
            text += &format!(
                "choosing among {MESSAGES} held messages: {choosing:.1} us (a call takes {without:.1} us without any, {with:.1} us with them)\n"
            );
        }
        text + &self.closing_line()
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![HEADS.map(ToOwned::to_owned).into()];
        let peers = self.peers.iter().map(|(name, figures)| (name.as_str(), figures));
        for (name, figures) in std::iter::once((KINDLING, &self.kindling)).chain(peers) {
            rows.push(self.row(name, figures));
        }
        rows
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    fn row(&self, name: &str, figures: &Figures) -> Vec<String> {
        let whole = |number: u64| number as f64;
        let kilo = |number: u64| number as f64 / 1_000.0;
        let yes = |holds: bool| if holds { "yes" } else { "no" }.to_owned();
        let own = &self.kindling;
        let cut = if figures.calls_of_10000.is_some_and(|calls| calls < MANY_EVENTS) { ">" } else { "" };
        vec![
            format!("{name} {}", figures.version),
            cell(Some(kilo(figures.brotli_total)), Some(kilo(own.brotli_total)), 1),
            cell(figures.brotli_loaded.map(kilo), own.brotli_loaded.map(kilo), 1),
            cell(figures.init_ms, own.init_ms, 0),
            cell(figures.call_us, own.call_us, 1),
            cut.to_owned() + &cell(figures.call_us_10000, own.call_us_10000, 1),
            cell(figures.busy_us, own.busy_us, 1),
            cell(figures.requests.map(whole), own.requests.map(whole), 0),
            cell(figures.bytes.map(kilo), own.bytes.map(kilo), 1),
            figures.arrived.map_or_else(|| "-".to_owned(), |arrived| arrived.to_string()),
            yes(figures.stores_durably),
            yes(figures.shows_messages),
        ]
    }

    fn closing_line(&self) -> String {
        let held = |is_held: bool| if is_held { "held" } else { "NOT HELD" };
        let compared = |comparison: Option<Comparison<'_>>| match comparison {
            Some(comparison) => {
                let Comparison { own, peer, cheapest } = comparison;
                format!("{}, {own:.1} us to {cheapest:.1} of {peer}", held(comparison.is_held()))
            }
            None => "nothing to compare".to_owned(),
        };
        let size = format!("{}, {}", held(self.size_is_held()), self.kindling.brotli_total);
        let event = compared(self.compare(|figures| figures.busy_us));
        let call = compared(self.compare(|figures| figures.call_us));
        format!(
            "aims: at most {SIZE_AIM} bytes as brotli has them: {size}; an event as cheap as with the cheapest peer that \
             stores durably: {event}; its call alone: {call}\n"
        )
    }
}

/// Kindling beside a peer.
#[derive(Debug, Clone, Copy)]
struct Comparison<'a> {
    own: f64,
    peer: &'a str,
    cheapest: f64,
}

impl Comparison<'_> {
    fn is_held(self) -> bool {
        self.own <= self.cheapest
    }
}

/// A figure, and how many times Kindling's it is.
fn cell(value: Option<f64>, own: Option<f64>, digits: usize) -> String {
    match (value, own) {
        (Some(value), Some(own)) if own > 0.0 => format!("{value:.digits$} {:>6.2}x", value / own),
        (Some(value), _) => format!("{value:.digits$}"),
        (None, _) => "-".to_owned(),
    }
}

/// Columns as wide as they need to be: the first to the left, the others to the right.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or_default())
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
            line += &if index == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measure::Sent, stub::Calls};

    fn subject(name: &str, stores_durably: bool) -> Subject {
        let prepared = json!({
            "name": name, "version": "1.2.3", "folder": "", "entry": "a.js", "files": {"a.js": 9_000, "b.js": 1_000, "c.wasm": 20_000},
            "stores_durably": stores_durably, "shows_messages": false, "only_weighed": false,
        });
        serde_json::from_value(prepared).unwrap()
    }

    /// A round in which every time is a multiple of this one.
    fn round(time: f64) -> Round {
        let calls = |number: usize| Calls { number, milliseconds: time };
        let sent = Sent { busy_us: 2.0 * time, requests: 3, bytes: 7_700, arrived: 1_000, brotli_loaded: 29_000 };
        Round { init_ms: time, calls: calls(1_000), sent: Some(sent), many_calls: Some(calls(10_000)) }
    }

    /// Kindling with this time, and peers with theirs, of which some store durably.
    fn report(own: f64, peers: &[(&str, f64, bool)]) -> Report {
        let mut report = Report::default();
        report.add(KINDLING, Figures::of(&subject(KINDLING, true), &[round(own)]));
        for (name, time, durable) in peers {
            report.add(name, Figures::of(&subject(name, *durable), &[round(*time)]));
        }
        report
    }

    fn lines(report: &Report) -> Vec<Vec<String>> {
        report.text().lines().map(|line| line.split_whitespace().map(ToOwned::to_owned).collect()).collect()
    }

    #[test]
    fn the_middle_round_counts() {
        let figures = Figures::of(&subject("it", false), &[round(50.0), round(10.0), round(20.0)]);
        assert_eq!((figures.init_ms, figures.call_us, figures.call_us_10000), (Some(20.0), Some(20.0), Some(2.0)));
        assert_eq!((figures.busy_us, figures.arrived, figures.requests), (Some(40.0), Some(1_000), Some(3)));
        assert_eq!((figures.brotli_js, figures.brotli_wasm, figures.brotli_total), (10_000, 20_000, 30_000));
    }

    #[test]
    fn of_two_rounds_the_lesser_counts_and_times_have_one_digit() {
        let figures = Figures::of(&subject("it", false), &[round(50.0), round(20.04)]);
        assert_eq!((figures.init_ms, figures.busy_us), (Some(20.0), Some(40.1)));
    }

    #[test]
    fn a_figure_is_taken_from_the_rounds_that_have_it() {
        let short = Round { sent: None, many_calls: None, ..round(10.0) };
        let figures = Figures::of(&subject("it", false), &[round(50.0), short.clone(), short]);
        assert_eq!((figures.init_ms, figures.busy_us, figures.call_us_10000), (Some(10.0), Some(100.0), Some(5.0)));
        let none = Figures::of(&subject("it", false), &[]);
        assert_eq!((none.init_ms, none.arrived, none.brotli_loaded, none.brotli_total), (None, None, None, 30_000));
    }

    #[test]
    fn the_table_has_ratios_to_kindling() {
        let mut report = report(20.0, &[("peer", 50.0, false)]);
        report.add("weighed", Figures::of(&subject("weighed", false), &[]));
        report.set_missing("absent", "npm install failed");
        let lines = lines(&report);
        assert_eq!(lines[1][..6], ["kindling", "1.2.3", "30.0", "1.00x", "29.0", "1.00x"]);
        assert_eq!(lines[2][..2], ["peer", "1.2.3"]);
        assert_eq!(lines[2][6..14], ["50", "2.50x", "50.0", "2.50x", "5.0", "2.50x", "100.0", "2.50x"]);
        assert_eq!(lines[3], ["weighed", "1.2.3", "30.0", "1.00x", "-", "-", "-", "-", "-", "-", "-", "-", "no", "no"]);
        assert_eq!(lines[4].join(" "), "absent is missing: npm install failed");
        assert_eq!(lines[5][0], "aims:");
    }

    #[test]
    fn columns_stand_below_each_other() {
        let text = report(20.0, &[("a_peer_with_a_long_name", 123_456.0, true)]).text();
        let widths: Vec<usize> = text.lines().take(3).map(str::len).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
    }

    #[test]
    fn a_loop_that_was_cut_is_marked() {
        let cut = Round { many_calls: Some(Calls { number: 300, milliseconds: 600.0 }), ..round(10.0) };
        let mut report = report(20.0, &[]);
        report.add("peer", Figures::of(&subject("peer", false), &[cut]));
        assert_eq!(lines(&report)[2][10..12], [">2000.0", "1000.00x"]);
        assert_eq!(report.figures()["peers"]["peer"]["calls_of_10000"], 300);
    }

    #[test]
    fn only_peers_that_store_durably_set_the_aim() {
        let cases = [
            (vec![("cheap", 1.0, false), ("durable", 20.0, true), ("dear", 90.0, true)], json!(true)),
            (vec![("durable", 19.0, true)], json!(false)),
            (vec![("cheap", 1.0, false)], json!(null)),
        ];
        for (peers, held) in cases {
            let aims = report(20.0, &peers).figures()["aims"].take();
            assert_eq!(aims, json!({"size": true, "call_us": held, "busy_us": held}), "{peers:?}");
        }
    }

    #[test]
    fn the_closing_line_says_what_is_not_held() {
        let mut report = report(20.0, &[("durable", 19.0, true)]);
        report.kindling.brotli_total = SIZE_AIM + 1;
        assert_eq!(
            report.closing_line(),
            "aims: at most 30000 bytes as brotli has them: NOT HELD, 30001; an event as cheap as with the cheapest peer that stores \
             durably: NOT HELD, 40.0 us to 38.0 of durable; its call alone: NOT HELD, 20.0 us to 19.0 of durable\n"
        );
    }

    #[test]
    fn the_json_has_every_figure_of_every_subject() {
        let report = report(20.0, &[("peer", 50.0, true)]);
        let figures = report.figures();
        for subject in [&figures["kindling"], &figures["peers"]["peer"]] {
            for name in
                ["brotli_wasm", "brotli_js", "brotli_total", "init_ms", "call_us", "call_us_10000", "requests", "bytes"]
            {
                assert!(subject[name].is_number(), "{name} of {subject}");
            }
            assert_eq!(subject["version"], "1.2.3");
        }
        assert_eq!(figures["peers"]["peer"]["init_ms"], 50.0);
    }
}
