//! What is known by User-Agent headers: after a crash as much as before, and nowhere more than the site allows.

use kindling_core::{
    ids::{DeviceId, ExternalId, WorkspaceId},
    protocol::{AgentPart, AgentParts},
    time::Timestamp,
};
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{
    LOG_FILE, PROFILES_FILE, definitions,
    engine::{Engine, Files},
    simulated::{MemoryDisk, SimulatedStore},
};
use crate::{
    catalog::Catalog,
    ingest::{self, Batch, UserDevices},
    store::{StoreOptions, UserRef, WorkspaceKey},
};

const HEADERS: [&str; 2] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
];

/// A flush of one record.
#[derive(Debug, Clone)]
struct Sent {
    device: u8,
    is_signed_in: bool,
    /// What it allows; `None`: it does not say.
    allowed: Option<AgentParts>,
    header: Option<&'static str>,
}

impl Sent {
    /// A flush of a signed-in user's first device.
    const fn of_ada(allowed: Option<AgentParts>, header: Option<&'static str>) -> Self {
        Self { device: 1, is_signed_in: true, allowed, header }
    }

    /// As it arrives, at that place of its stream.
    fn batch(&self, catalog: &Catalog, seq: i64) -> Batch {
        let Self { device, is_signed_in, allowed, header } = self;
        let stream = format!("00000000-0000-4000-8000-00000000{device:02x}{:02x}", u8::from(*is_signed_in));
        let mut flush = json!({
            "key": "pk", "sdk": "tests/1", "device": device_id(*device), "stream": stream,
            "identity": {"anonymous_id": device_id(*device)}, "sent_at": seq,
            "records": [{"seq": seq, "at": seq, "type": "custom_event", "name": "looked"}],
        });
        if *is_signed_in {
            flush["identity"]["external_id"] = "ada".into();
        }
        if let Some(allowed) = allowed {
            flush["agent"] = serde_json::to_value(allowed).unwrap();
        }
        let mut batch = ingest::decode(flush.to_string().into(), catalog, Timestamp::from_ms(seq)).unwrap();
        if let Some(header) = header {
            batch.user_agent.take(header);
        }
        batch
    }
}

fn device_id(device: u8) -> String {
    format!("00000000-0000-4000-8000-0000000000{device:02x}")
}

fn any_sent() -> impl Strategy<Value = Sent> {
    let allowed = prop::option::of(prop::sample::subsequence(AgentPart::ALL.to_vec(), 0..=AgentPart::ALL.len()));
    let parts = |parts: Vec<AgentPart>| parts.into_iter().fold(AgentParts::NONE, AgentParts::with);
    let header = prop::option::of(prop::sample::select(HEADERS.to_vec()));
    (1..3_u8, any::<bool>(), allowed, header).prop_map(move |(device, is_signed_in, allowed, header)| Sent {
        device,
        is_signed_in,
        allowed: allowed.map(parts),
        header,
    })
}

/// The devices of whoever used each of the two last.
fn devices(store: &mut SimulatedStore, workspace: WorkspaceKey) -> Vec<Option<UserDevices>> {
    let device = |device| UserRef::Device(DeviceId::parse(&device_id(device)).unwrap());
    let mut of = |user| store.user(workspace, &user).unwrap().map(|(_, state)| state.devices.clone());
    vec![of(device(1)), of(device(2))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn after_a_crash_as_much_is_known_as_before(
        sent in prop::collection::vec(any_sent(), 1..12),
        written in prop::option::of(0..12_usize),
    ) {
        let disk = MemoryDisk::new().unwrap();
        let mut store = SimulatedStore::open(&disk, &StoreOptions::default(), |_| true).unwrap();
        let workspace = store.put_workspace(&WorkspaceId::parse("w").unwrap(), "pk").unwrap();
        let catalog = store.load_catalog().unwrap();
        for (place, (sent, seq)) in sent.iter().zip(1..).enumerate() {
            prop_assert!(store.ingest(&[vec![sent.batch(&catalog, seq)]])[0].is_ok());
            if written == Some(place) {
                store.begin_checkpoint().unwrap();
                store.write_checkpoint().unwrap();
            }
            // Whatever was known before, it is no more than this flush allows.
            let of_all = devices(&mut store, workspace);
            let user = of_all[usize::from(sent.device) - 1].as_ref().unwrap();
            let device = user.iter().find(|device| device.id.to_string() == device_id(sent.device)).unwrap();
            let mut info = device.info();
            info.keep_of_agent(sent.allowed.unwrap_or(AgentParts::ALL));
            prop_assert_eq!(device.info(), info);
        }
        let before = devices(&mut store, workspace);
        drop(store);
        let mut store = SimulatedStore::open(&disk, &StoreOptions::default(), |_| true).unwrap();
        prop_assert_eq!(devices(&mut store, workspace), before);
    }
}

/// A store in that directory, with a workspace.
fn open(directory: &TempDir) -> (Engine, Catalog) {
    let mut engine = Engine::open(&Files::within(directory.path()), &StoreOptions::default()).unwrap();
    let workspace = definitions::put_workspace(engine.definitions(), &WorkspaceId::parse("w").unwrap(), "").unwrap();
    definitions::put_sdk_key(engine.definitions(), workspace, "pk").unwrap();
    let catalog = definitions::load(engine.definitions()).unwrap();
    (engine, catalog)
}

/// Takes a flush of the signed-in user.
fn take(engine: &mut Engine, catalog: &Catalog, seq: i64, sent: &Sent) {
    let (reply, replied) = std::sync::mpsc::channel();
    engine.ingest(&[sent.batch(catalog, seq)], Box::new(move |done| reply.send(done).unwrap()));
    engine.settle().unwrap();
    assert!(replied.recv().unwrap().is_ok());
}

/// What the rows of the log say of headers.
fn rows(directory: &TempDir) -> Vec<(Option<String>, Option<Json>)> {
    let log = Connection::open(directory.path().join(LOG_FILE)).unwrap();
    let mut rows = log.prepare("SELECT user_agent, agent FROM batches ORDER BY id").unwrap();
    let json = |text: Option<String>| text.map(|text| serde_json::from_str(&text).unwrap());
    rows.query_map([], |row| Ok((row.get(0)?, json(row.get(1)?)))).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn the_log_says_what_is_new_and_allowed() {
    let directory = TempDir::new().unwrap();
    let (mut engine, catalog) = open(&directory);
    let [firefox, chrome] = HEADERS;
    let browser = AgentParts::NONE.with(AgentPart::Browser);
    let header = browser.with(AgentPart::UserAgent);
    let kept = |header: &str| Some(header.to_owned());
    let steps = [
        (None, Some(firefox), (kept(firefox), None)),
        (None, Some(firefox), (None, None)),
        (Some(AgentParts::ALL), Some(chrome), (kept(chrome), None)),
        (Some(header), Some(chrome), (kept(chrome), Some(json!({"allowed": ["browser", "user_agent"]})))),
        (Some(header), Some(chrome), (None, None)),
        (Some(browser), None, (None, Some(json!({"allowed": ["browser"]})))),
        (Some(browser), Some(firefox), (None, Some(json!({"allowed": ["browser"], "said": {"browser": "Firefox"}})))),
        (Some(browser), Some(firefox), (None, None)),
        (Some(AgentParts::NONE), Some(firefox), (None, Some(json!({"allowed": []})))),
        (Some(AgentParts::NONE), Some(chrome), (None, None)),
        (None, None, (None, None)),
    ];
    for ((allowed, header, _), seq) in steps.iter().zip(1..) {
        take(&mut engine, &catalog, seq, &Sent::of_ada(*allowed, *header));
    }
    drop(engine);
    assert_eq!(rows(&directory), steps.map(|(_, _, row)| row));
}

#[test]
fn rows_of_before_sites_could_say_mean_what_they_meant() {
    let directory = TempDir::new().unwrap();
    let (mut engine, catalog) = open(&directory);
    for seq in [1, 2] {
        take(&mut engine, &catalog, seq, &Sent::of_ada(None, Some(HEADERS[0])));
    }
    drop(engine);
    // What a flush had under that name was nothing that anybody knew, and may be anything.
    let log = Connection::open(directory.path().join(LOG_FILE)).unwrap();
    log.execute_batch(
        r#"UPDATE batches SET body = json_set(body, '$.agent', 7);
           UPDATE batches SET body = replace(body, '"agent":7', '"agent":7,"agent":["os"]');"#,
    )
    .unwrap();
    drop(log);
    std::fs::remove_file(directory.path().join(PROFILES_FILE)).unwrap();
    let (mut engine, _) = open(&directory);
    let ada = UserRef::External(ExternalId::parse("ada").unwrap());
    let (_, state) = engine.find(WorkspaceKey(1), &ada).unwrap().unwrap();
    let info = serde_json::to_value(state.devices.iter().next().unwrap().info()).unwrap();
    assert_eq!(info, json!({"browser": "Firefox", "browser_version": "133", "os": "Linux"}));
}

#[test]
fn what_is_not_allowed_is_in_no_file() {
    let directory = TempDir::new().unwrap();
    let (mut engine, catalog) = open(&directory);
    for (seq, allowed) in [(1, vec![AgentPart::Browser, AgentPart::Os]), (2, vec![])] {
        let allowed = allowed.into_iter().fold(AgentParts::NONE, AgentParts::with);
        take(&mut engine, &catalog, seq, &Sent::of_ada(Some(allowed), Some(HEADERS[0])));
    }
    // Everything is written down, the profile as well.
    engine.close();
    drop(engine);
    let mut files = 0;
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("Gecko"));
        files += 1;
    }
    assert!(files >= 2);
}
