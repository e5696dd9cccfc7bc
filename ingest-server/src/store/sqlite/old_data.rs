//! A database of the first version is taken over as it is.

use std::{fs, path::Path};

use kindling_core::{
    ids::{DeviceId, ExternalId, SegmentId, UserId},
    profile::StandardAttribute,
    time::Timestamp,
    value::Value,
};
use rusqlite::Connection;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{
    LOG_FILE, PROFILES_FILE, connection, definitions,
    engine::{Engine, Files},
    log::Log,
    migrate, profiles, read,
};
use crate::{
    catalog::Catalog,
    ingest,
    store::{RecordQuery, StoreOptions, UserRef, WorkspaceKey},
};

const SHOP: WorkspaceKey = WorkspaceKey(1);
const ALICE: UserId = UserId(2);
const BOB: UserId = UserId(3);
const BOBS_DEVICE: &str = "00000000-0000-4000-8000-000000000003";
/// Just after the last of it was written.
const THEN: Timestamp = Timestamp::from_ms(1_795_494_160_000);

fn write_first_version(directory: &Path) {
    let database = Connection::open(directory.join(LOG_FILE)).unwrap();
    database.execute_batch(migrate::LOG[0]).unwrap();
    database.execute_batch(include_str!("migrations/tests/first_version.sql")).unwrap();
}

fn open(directory: &Path) -> (Engine, Catalog) {
    let mut engine = Engine::open(&Files::within(directory), &StoreOptions::default()).unwrap();
    let catalog = definitions::load(engine.definitions()).unwrap();
    (engine, catalog)
}

fn alice() -> UserRef {
    UserRef::External(ExternalId::parse("alice").unwrap())
}

/// What the engine knows of a user, as JSON, with the memberships that are certain without looking at them.
fn user(engine: &mut Engine, user: &UserRef) -> (UserId, Json) {
    let (id, state) = engine.find(SHOP, user).unwrap().unwrap();
    (id, json!([state.external_id, state.profile, state.devices]))
}

/// The events in a user's log: stream, seq and time of each.
fn records(engine: &mut Engine, directory: &Path, user: &UserRef) -> Vec<(String, i64, i64)> {
    let batches = engine.batches_of(SHOP, user).unwrap().unwrap();
    let log = connection::open_to_read(&directory.join(LOG_FILE)).unwrap();
    let profiles = connection::open_to_read(&directory.join(PROFILES_FILE)).unwrap();
    let (from, to) = (Timestamp::from_ms(i64::MIN), Timestamp::from_ms(i64::MAX));
    let query = RecordQuery { from, to, before: None, limit: 100 };
    let page = read::records(&log, &profiles, SHOP, &batches, &query).unwrap();
    assert!(page.next.is_none());
    let stored = page.records.into_iter().map(|stored| {
        let record = serde_json::to_value(&stored.record).unwrap();
        (stored.stream.to_string(), record["seq"].as_i64().unwrap(), stored.at.as_ms())
    });
    stored.collect()
}

/// Sends a custom event at each of these places of Bob's stream, and returns what is acknowledged.
fn send_as_bob(engine: &mut Engine, catalog: &Catalog, seqs: impl IntoIterator<Item = u64>) -> u64 {
    let event = |seq| json!({"seq": seq, "at": THEN.as_ms(), "type": "custom_event", "name": "looked"});
    let flush = json!({
        "key": "pk_shop", "sdk": "tests/1", "device": BOBS_DEVICE,
        "stream": "00000000-0000-4000-8000-000000000104",
        "identity": {"anonymous_id": "00000000-0000-4000-8000-000000000203"},
        "sent_at": THEN.as_ms(), "records": seqs.into_iter().map(event).collect::<Vec<_>>(),
    });
    let batch = ingest::decode(flush.to_string().into(), catalog, THEN).unwrap();
    let (reply, replied) = std::sync::mpsc::channel();
    engine.ingest(&[batch], Box::new(move |done| reply.send(done).unwrap()));
    engine.settle().unwrap();
    replied.recv().unwrap().unwrap()[0].acked.0
}

/// Everything that the first version knew is known.
fn expect_everything(engine: &mut Engine, directory: &Path) {
    let (id, state) = engine.find(SHOP, &alice()).unwrap().unwrap();
    assert_eq!(id, ALICE);
    let looked = state.profile.event("looked").unwrap();
    assert_eq!((looked.count, looked.first.map(Timestamp::as_ms)), (2, Some(1_795_494_099_920)));
    assert_eq!(state.profile.standard(StandardAttribute::Country), Some(&Value::from("DE")));
    assert_eq!(serde_json::to_value(state.profile.custom("points")).unwrap(), json!(2));
    assert_eq!(state.profile.purchases.count, 1);
    assert_eq!(state.devices.iter().count(), 2);
    // Whoever she was before is she.
    assert_eq!(user(engine, &UserRef::Id(UserId(1))), user(engine, &alice()));

    let bob = UserRef::Device(DeviceId::parse(BOBS_DEVICE).unwrap());
    let (id, state) = engine.find(SHOP, &bob).unwrap().unwrap();
    assert_eq!((id, state.external_id.as_ref(), state.profile.sessions.starts.count), (BOB, None, 1));
    let carol = UserRef::External(ExternalId::parse("carol").unwrap());
    assert_eq!(engine.find(SHOP, &carol).unwrap().unwrap().0, UserId(4));

    let stream = |n| format!("00000000-0000-4000-8000-0000000001{n:02}");
    let of_alice = [
        (stream(3), 1, 1_795_494_099_919),
        (stream(2), 2, 1_795_494_159_919),
        (stream(2), 1, 1_795_494_099_920),
        (stream(1), 3, 1_795_494_159_937),
        (stream(1), 2, 1_795_494_159_937),
        (stream(1), 1, 1_795_494_099_938),
    ];
    assert_eq!(records(engine, directory, &alice()), of_alice);
    let of_bob = [6, 5, 1].map(|seq| (stream(4), seq, 1_795_494_159_918));
    assert_eq!(records(engine, directory, &bob), of_bob);
}

#[test]
fn a_database_of_the_first_version_is_taken_over_whole() {
    let directory = TempDir::new().unwrap();
    let directory = directory.path();
    write_first_version(directory);
    let (mut engine, catalog) = open(directory);
    expect_everything(&mut engine, directory);

    // Memberships are computed anew.
    assert_eq!(engine.fire_timers(&catalog, THEN, 100).unwrap(), 3);
    let (_, state) = engine.find(SHOP, &alice()).unwrap().unwrap();
    let shop = catalog.workspace(SHOP).unwrap();
    let segments: Vec<SegmentId> = state.memberships.segments(shop).map(|segment| segment.id.clone()).collect();
    assert_eq!(segments, [SegmentId::parse("lookers").unwrap()]);

    // A flush that the first version answered changes nothing, a new one counts and creates nobody.
    let bob = UserRef::Id(BOB);
    let before = user(&mut engine, &bob);
    assert_eq!(send_as_bob(&mut engine, &catalog, 1..=6), 6);
    assert_eq!(user(&mut engine, &bob), before);
    assert_eq!(send_as_bob(&mut engine, &catalog, 5..=7), 7);
    let after = user(&mut engine, &bob);
    assert_eq!(engine.find(SHOP, &bob).unwrap().unwrap().1.profile.event("looked").unwrap().count, 2);
    assert_eq!(records(&mut engine, directory, &bob).len(), 4);

    // As after a crash: what came since is replayed on what was moved.
    drop(engine);
    let (mut engine, catalog) = open(directory);
    assert_eq!(user(&mut engine, &bob), after);
    assert_eq!(send_as_bob(&mut engine, &catalog, 1..=7), 7);
    assert_eq!(user(&mut engine, &bob), after);
    assert_eq!(records(&mut engine, directory, &bob).len(), 4);
}

#[test]
fn a_crash_while_users_are_moved_loses_none() {
    let directory = TempDir::new().unwrap();
    let directory = directory.path();
    write_first_version(directory);
    let (log, unmoved) = (directory.join(LOG_FILE), directory.join("unmoved"));
    // Between the steps of the schema.
    drop(Log::open(&log).unwrap());
    fs::copy(&log, &unmoved).unwrap();
    drop(open(directory));
    // The users have arrived, and are still where they were.
    fs::copy(&unmoved, &log).unwrap();
    for _ in 0..2 {
        let (mut engine, _) = open(directory);
        expect_everything(&mut engine, directory);
    }
    let moved = Connection::open(&log).unwrap();
    let left = "SELECT count(*) FROM sqlite_schema WHERE name IN ('users', 'anonymous_ids', 'devices', 'streams')";
    assert_eq!(moved.query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn users_whose_log_does_not_name_them_are_not_made_up() {
    let directory = TempDir::new().unwrap();
    let directory = directory.path();
    write_first_version(directory);
    drop(open(directory));
    fs::remove_file(directory.join(PROFILES_FILE)).unwrap();
    let refused = Engine::open(&Files::within(directory), &StoreOptions::default()).unwrap_err();
    assert!(format!("{refused:#}").contains("profiles.db is needed"), "{refused:#}");
}

#[test]
fn a_move_that_was_undone_begins_again() {
    let directory = TempDir::new().unwrap();
    let directory = directory.path();
    write_first_version(directory);
    // The crash came when the profiles had their tables, and nobody in them.
    drop(Log::open(&directory.join(LOG_FILE)).unwrap());
    let mut empty = connection::open_to_write(&directory.join(PROFILES_FILE), connection::PROFILE_PAGE).unwrap();
    migrate::migrate(&mut empty, migrate::PROFILES).unwrap();
    assert_eq!(profiles::last_user(&empty).unwrap(), 0);
    drop(empty);
    let (mut engine, _) = open(directory);
    expect_everything(&mut engine, directory);
}
