//! Whatever arrives as a flush: it is taken or refused, and a record in it is taken or rejected, never anything between.

#![no_main]

use std::{collections::BTreeMap, sync::LazyLock};

use bytes::Bytes;
use ingest_server::{
    catalog::{Catalog, Workspace},
    ingest::{Batch, decode, decode_logged},
    settings::Settings,
    store::WorkspaceKey,
};
use kindling_core::{ids::WorkspaceId, limits, protocol::Record, time::Timestamp, value::Value};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::value::RawValue;

const KEY: &str = "pk";
/// A flush with a place for its records.
const EMPTY: &str = r#"{"key":"pk","sdk":"fuzz/1","device":"00000000-0000-4000-8000-000000000001",
    "stream":"00000000-0000-4000-8000-000000000002","identity":{"external_id":"a"},"sent_at":0,"records":[|]}"#;
const NOW: Timestamp = Timestamp::from_ms(1_763_917_561_000);

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let name = (WorkspaceKey(1), WorkspaceId::parse("fuzz").unwrap(), String::new());
    let workspace = Workspace::new(name, 1, Vec::new(), Vec::new(), Settings::default());
    let mut catalog = Catalog::default();
    catalog.insert(workspace, vec![KEY.to_owned()], Vec::new());
    catalog
});

/// A body, read in the plainest way.
#[derive(Deserialize)]
struct Plain<'a> {
    #[serde(borrow)]
    records: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Place {
    seq: u64,
}

fn decoded(body: &[u8]) -> Option<Batch> {
    let body = Bytes::copy_from_slice(body);
    decode(body, &CATALOG, NOW).map_err(|error| assert!(!error.to_string().is_empty())).ok()
}

/// The text of the first record for each place.
fn places(body: &[u8]) -> BTreeMap<u64, String> {
    let plain: Plain<'_> = serde_json::from_slice(body).expect("a flush that was taken has records");
    let mut places = BTreeMap::new();
    for record in plain.records {
        let place: Place =
            serde_json::from_str(record.get()).expect("a flush that was taken has no record without a seq");
        places.entry(place.seq).or_insert_with(|| record.get().to_owned());
    }
    places
}

fuzz_target!(|body: &[u8]| {
    let Some(batch) = decoded(body) else { return };
    assert!(batch.identity.external_id.is_some() || batch.identity.anonymous_id.is_some());
    assert!(batch.records.len() <= limits::BATCH_RECORDS);
    assert!(batch.records.windows(2).all(|pair| pair[0].seq < pair[1].seq));

    // Each place that was sent is there once, taken or rejected.
    let sent = places(body);
    assert!(batch.records.iter().map(|record| record.seq.0).eq(sent.keys().copied()));
    for incoming in &batch.records {
        match &incoming.record {
            Ok(record) => assert_eq!((record.seq, record.kind.check()), (incoming.seq, Ok(()))),
            Err(error) => assert!(!error.code().is_empty() && !error.detail().is_empty()),
        }
    }

    // Nothing is taken from a header that is not there, and where nothing may be, nothing is.
    let mut agent = batch.user_agent.clone();
    assert_eq!((&agent.header, &agent.said), (&None, &None));
    agent.take("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0");
    assert_eq!(agent.allowed.is_empty(), agent == batch.user_agent);

    // What the log would keep of it is what was taken, readable by everybody, and read again the same.
    let is_taken = |seq| batch.records.iter().any(|incoming| incoming.seq == seq && incoming.record.is_ok());
    let logged = if batch.is_plain { batch.body.clone() } else { batch.body_with(is_taken).expect("it was read") };
    for record in places(&logged).values() {
        serde_json::from_str::<Value>(record).expect("what is stored can be read");
    }
    let again = decode_logged(logged, batch.workspace.clone(), NOW).expect("what is stored is a flush");
    assert_eq!((again.device, again.stream, again.sent_at), (batch.device, batch.stream, batch.sent_at));
    assert_eq!(again.identity, batch.identity);
    let taken: Vec<_> = batch.records.iter().filter_map(|incoming| incoming.record.as_ref().ok()).collect();
    let taken_again: Vec<_> = again.records.iter().filter_map(|incoming| incoming.record.as_ref().ok()).collect();
    assert_eq!(taken_again, taken);

    // A record is judged by itself: without its neighbours, and with all of its properties, its fate is the same.
    let (head, tail) = EMPTY.split_once('|').unwrap();
    for incoming in batch.records.iter().take(4) {
        let text = &sent[&incoming.seq.0];
        let alone = decoded([head, text, tail].concat().as_bytes()).expect("one record makes a flush");
        assert_eq!(alone.records.len(), 1);
        assert_eq!(alone.records[0].record, incoming.record);
        let whole = serde_json::from_str::<Record>(text).ok().filter(|record| record.kind.check().is_ok());
        assert_eq!(whole.is_some(), incoming.record.is_ok());
        if let Some(whole) = whole {
            let rewritten = serde_json::to_string(&whole).expect("a record can be written");
            assert_eq!(serde_json::from_str::<Record>(&rewritten).ok(), Some(whole));
        }
    }
});
