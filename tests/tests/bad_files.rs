//! What stands in the data directory is not what a server left there: it refuses to start and says why, or has exactly what was
//! acknowledged. It never serves what is wrong.
//!
//! A page that was damaged in the middle of a file is noticed when it is read, and that request is refused: looking at all of a large
//! file would hold up every start. SQLite's write-ahead log ends, by its design, at the first frame whose checksum is wrong. If that
//! was the last commit it had never been acknowledged; before that it can't be told from the end, unless the profiles go further.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]
#![allow(clippy::print_stderr, reason = "it says why a test was skipped")]

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{FileExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
};

use kindling_tests::{
    process::Process,
    programs,
    server::{Server, Setup, empty_workspace},
    traffic::{Page, Sent, expect_all_once, expect_once},
    visitor::{Visitor, attribute, event},
};
use serde_json::Value;

const LOG: &str = "kindling.db";
const PROFILES: &str = "profiles.db";

/// A server that is not running, with the pages whose records it has: some in its profiles, the rest in the tail of the log.
async fn stopped() -> (Server, Vec<Page>) {
    let mut server = Server::start(empty_workspace("shop")).await;
    let mut pages: Vec<Page> = (0..5).map(|_| Page::new(Visitor::new())).collect();
    let signed_in = pages[0].visitor.signed_in("ada");
    pages.push(Page::new(signed_in));
    send(&server, &mut pages).await;
    server.process().ask_to_stop();
    assert_eq!(server.process().ended().await.code(), Some(0));
    server.start_again().await;
    send(&server, &mut pages).await;
    server.kill();
    (server, pages)
}

/// Sends a few flushes of each.
async fn send(server: &Server, pages: &mut [Page]) {
    for _ in 0..6 {
        for page in &mut *pages {
            page.make(7);
            assert_eq!(page.send_rest(&server.api()).await, Sent::Acked);
        }
    }
}

fn file(server: &Server, name: &str) -> PathBuf {
    server.data().join(name)
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |file| file.len())
}

/// Turns these bytes around.
fn flip(file: &Path, from: u64, bytes: usize) {
    let file = File::options().read(true).write(true).open(file).unwrap();
    let mut piece = vec![0; bytes];
    file.read_exact_at(&mut piece, from).unwrap();
    piece.iter_mut().for_each(|byte| *byte = !*byte);
    file.write_all_at(&piece, from).unwrap();
}

/// Copies every file of the data directory somewhere.
fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Removes a database, with what belongs to it.
fn remove(server: &Server, name: &str) {
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(file(server, &format!("{name}{end}")));
    }
}

/// What is known of everybody.
async fn users(server: &Server, pages: &[Page]) -> Vec<Value> {
    let mut users = Vec::new();
    for page in pages {
        users.push(server.api().user(&page.visitor.device_ref()).await);
    }
    users
}

#[tokio::test]
async fn a_path_that_is_no_directory_is_refused() {
    let mut server = Server::not_started(empty_workspace("shop"), Setup::default());
    fs::write(server.data(), "a file").unwrap();
    let data = server.data();
    server.expect_refusal(&data.display().to_string()).await;
    assert_eq!(fs::read_to_string(&data).unwrap(), "a file");
}

#[tokio::test]
async fn a_directory_in_the_place_of_a_file_is_refused() {
    for name in ["kindling.lock", LOG, PROFILES] {
        let mut server = Server::not_started(empty_workspace("shop"), Setup::default());
        let path = file(&server, name);
        fs::create_dir_all(&path).unwrap();
        server.expect_refusal(&path.display().to_string()).await;
        fs::remove_dir(&path).unwrap();
        server.start_again().await;
        server.api().expect_healthy().await;
    }
}

/// A user who may not write what others may not: whoever runs the test, or nobody.
fn powerless(server: &mut Server) -> bool {
    if !nix::unistd::geteuid().is_root() {
        return true;
    }
    // Rights do not bind root, who can give them up, however. What a stopped server left is handed over with them.
    const NOBODY: u32 = 65_534;
    server.setup().launcher =
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"].map(ToOwned::to_owned).into();
    let data = server.data();
    let folder = data.parent().unwrap();
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
    for entry in fs::read_dir(&data).unwrap() {
        chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut runs = Command::new("setpriv");
    runs.args(&server.setup().launcher[1..]).arg(programs::kindling()).arg("--version");
    let runs = runs.output().is_ok_and(|output| output.status.success());
    if !runs {
        eprintln!("skipped: this is root, and nobody else can run the server here");
    }
    runs
}

#[tokio::test]
async fn files_that_may_not_be_written_are_refused() {
    let (mut server, mut pages) = stopped().await;
    if !powerless(&mut server) {
        return;
    }
    for name in ["kindling.lock", LOG, PROFILES] {
        let path = file(&server, name);
        fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
        server.expect_refusal(&path.display().to_string()).await;
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    }
    let data = server.data();
    // Without the other files, which would have to be made.
    let hidden = data.with_file_name("hidden");
    copy(&data, &hidden);
    for name in ["kindling.lock", LOG, PROFILES] {
        remove(&server, name);
    }
    fs::set_permissions(&data, Permissions::from_mode(0o555)).unwrap();
    server.expect_refusal(&data.display().to_string()).await;
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    copy(&hidden, &data);
    assert!(powerless(&mut server));
    server.start_again().await;
    expect_all_once(&server.api(), &mut pages).await;
}

#[tokio::test]
async fn a_directory_has_one_server_at_a_time() {
    let mut server = Server::start(empty_workspace("shop")).await;
    let mut pages = vec![Page::new(Visitor::new())];
    pages[0].make(1);
    let mut second = Command::new(programs::kindling());
    second.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(server.data());
    for n in 0..2 {
        let log = server.log_file().with_file_name(format!("log of another {n}"));
        let ready = |line: &str| line.starts_with("ready").then_some(());
        let refused = Process::try_start("a second kindling", &mut second, log, ready).await;
        let (status, log) = refused.expect_err("two servers work with one directory");
        assert_eq!(status.code(), Some(1));
        assert!(log.lines().count() == 1 && log.contains("kindling.lock") && log.contains("another server"), "{log}");
    }
    // The first one has not noticed, and the lock goes with it, however it goes.
    expect_all_once(&server.api(), &mut pages).await;
    server.start_again().await;
    expect_all_once(&server.api(), &mut pages).await;
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    for name in [LOG, PROFILES] {
        let (mut server, mut pages) = stopped().await;
        let whole = server.data().with_file_name("whole");
        copy(&server.data(), &whole);
        // With its write-ahead log SQLite would not even look at the file's own first page.
        for damage in ["header", "text"] {
            let _ = fs::remove_file(file(&server, &format!("{name}-wal")));
            match damage {
                "header" => flip(&file(&server, name), 0, 100),
                _ => fs::write(file(&server, name), "this is no database ".repeat(1_000)).unwrap(),
            }
            server.expect_refusal(&file(&server, name).display().to_string()).await;
            copy(&whole, &server.data());
        }
        server.start_again().await;
        expect_all_once(&server.api(), &mut pages).await;
    }
}

#[tokio::test]
async fn a_log_that_is_missing_or_cut_short_is_refused() {
    let (mut server, mut pages) = stopped().await;
    let whole = server.data().with_file_name("whole");
    copy(&server.data(), &whole);
    assert!(size(&file(&server, "kindling.db-wal")) > 0 && size(&file(&server, LOG)) > 0, "there is something in both");
    // The file alone, with and without its write-ahead log; and cut short at a few places.
    for ahead in [true, false] {
        for bytes in [None, Some(0), Some(16 * 1024), Some(50), Some(20_000)] {
            let path = file(&server, LOG);
            match bytes {
                None => fs::remove_file(&path).unwrap(),
                Some(bytes) => File::options().write(true).open(&path).unwrap().set_len(bytes).unwrap(),
            }
            if !ahead {
                fs::remove_file(file(&server, "kindling.db-wal")).unwrap();
                let _ = fs::remove_file(file(&server, "kindling.db-shm"));
            }
            match server.try_start_again().await {
                Err((status, log)) => {
                    assert_eq!(status.code(), Some(1), "{log}");
                    let last = log.lines().last().unwrap();
                    assert!(last.contains("ERROR") && last.contains(LOG), "{log}");
                }
                // All of it stood in the write-ahead log.
                Ok(()) => {
                    assert!(ahead && bytes.is_some_and(|bytes| bytes > 0), "{bytes:?} bytes were left, and it started");
                    expect_all_once(&server.api(), &mut pages).await;
                }
            }
            server.kill();
            copy(&whole, &server.data());
        }
    }
    server.start_again().await;
    expect_all_once(&server.api(), &mut pages).await;
}

#[tokio::test]
async fn a_torn_end_of_the_write_ahead_log_loses_nothing_that_was_acknowledged() {
    let (mut server, mut pages) = stopped().await;
    let ahead = file(&server, "kindling.db-wal");
    let acknowledged = size(&ahead);
    let whole = server.data().with_file_name("whole");
    copy(&server.data(), &whole);
    server.start_again().await;
    // As if the power had gone while this was written: a part of it is there, or other bytes.
    let acked = pages[0].acked;
    pages[0].make(200);
    assert_eq!(pages[0].send_rest(&server.api()).await, Sent::Acked);
    server.kill();
    let end = size(&ahead);
    if end <= acknowledged {
        // It began anew at its beginning; then the frames of the last flush are not the last ones of the file.
        copy(&whole, &server.data());
        let file = File::options().append(true).open(&ahead).unwrap();
        std::io::Write::write_all(&mut &file, &vec![0x5a; 20_000]).unwrap();
    } else {
        File::options().write(true).open(&ahead).unwrap().set_len(end - 1_000).unwrap();
    }
    // This is how it looks when the power goes before that flush was answered.
    pages[0].acked = acked;
    server.start_again().await;
    expect_once(&server.api(), &pages).await;
    expect_all_once(&server.api(), &mut pages).await;
}

#[tokio::test]
async fn damage_in_the_middle_gives_no_wrong_data() {
    let (mut server, mut pages) = stopped().await;
    let whole = server.data().with_file_name("whole");
    copy(&server.data(), &whole);
    for name in ["kindling.db", "kindling.db-wal", "profiles.db", "profiles.db-wal"] {
        let bytes = size(&file(&server, name));
        for part in 1..8 {
            if bytes < 1_000 {
                continue;
            }
            flip(&file(&server, name), bytes * part / 8, 64);
            // Either is right: to refuse, or to have what is whole.
            let outcome = server.try_start_again().await;
            if let Err((status, log)) = outcome {
                assert_eq!(status.code(), Some(1), "{log}");
                assert!(log.lines().last().unwrap().contains("ERROR"), "{log}");
            } else {
                expect_a_beginning(&server, &pages, name).await;
            }
            server.kill();
            copy(&whole, &server.data());
        }
    }
    server.start_again().await;
    expect_all_once(&server.api(), &mut pages).await;
}

/// Expects of every user that they are refused, or have the beginnings of their streams, on the profile and as records.
async fn expect_a_beginning(server: &Server, pages: &[Page], damaged: &str) {
    let api = server.api();
    for page in pages {
        let user = api.get(&format!("/users/{}", page.visitor.device_ref())).await;
        let records = api.get(&format!("/users/{}/records?limit=500", page.visitor.device_ref())).await;
        for answer in [&user, &records] {
            assert!([200, 404, 503].contains(&answer.status), "{damaged}: {answer:?}");
        }
        if user.status != 200 || records.status != 200 {
            continue;
        }
        let (user, records) = (user.json(), records.json());
        let mut seqs: Vec<u64> = records["records"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|record| record["stream"] == page.visitor.stream.as_str())
            .map(|record| record["seq"].as_u64().unwrap())
            .collect();
        seqs.sort_unstable();
        assert!(seqs.iter().copied().eq(1..=seqs.len() as u64), "{damaged}: {seqs:?}");
        assert_eq!(
            user["events"]["step"]["count"].as_u64().unwrap_or(0),
            records["records"].as_array().unwrap().len() as u64,
            "{damaged}: the profile and the records differ"
        );
    }
}

#[tokio::test]
async fn profiles_that_are_missing_are_made_up_from_the_log() {
    let mut server = Server::start(empty_workspace("shop")).await;
    let mut pages: Vec<Page> = (0..6).map(|_| Page::new(Visitor::new())).collect();
    let api = server.api();
    for page in &mut pages {
        let flush = page.visitor.flush_of([
            attribute("country", "DE"),
            serde_json::json!({"type": "custom_attribute", "name": "points", "op": "increment", "by": 3}),
            serde_json::json!({"type": "purchase", "product_id": "mug", "price": 1.5, "currency": "EUR", "quantity": 2}),
            event(""),
            event("opened"),
        ]);
        assert_eq!(api.flush(flush).await["rejected"][0]["seq"], 4);
    }
    // Some turn out to be one user, and one of them lost a few records.
    for n in [0, 1, 2] {
        let mut again = pages[n].visitor.signed_in("ada");
        let (skipped, flush) = (again.record(event("lost")), again.flush_of([event("signed_in")]));
        drop(skipped);
        api.flush(flush).await;
    }
    let before = users(&server, &pages).await;
    server.process().ask_to_stop();
    server.process().ended().await;
    server.kill();
    remove(&server, PROFILES);
    server.start_again().await;
    assert_eq!(users(&server, &pages).await, before);
    // And what comes next goes on where they were.
    let mut visitor = pages[5].visitor.clone();
    assert_eq!(server.api().flush(visitor.flush_of([event("opened")])).await["acked"], 6);
    assert_eq!(server.api().event_count(&visitor.device_ref(), "opened").await, 2);
    let newcomer = Visitor::new();
    let mut records = newcomer.clone();
    server.api().flush(records.flush_of([event("opened")])).await;
    let known: Vec<&Value> = before.iter().map(|user| &user["id"]).collect();
    assert!(!known.contains(&&server.api().user(&newcomer.device_ref()).await["id"]), "a number was given again");
}

#[tokio::test]
async fn profiles_of_a_later_moment_than_the_log_are_refused() {
    let (mut server, mut pages) = stopped().await;
    let earlier = server.data().with_file_name("earlier");
    copy(&server.data(), &earlier);
    server.start_again().await;
    for page in &mut pages {
        page.make(1);
        assert_eq!(page.send_rest(&server.api()).await, Sent::Acked);
    }
    server.process().ask_to_stop();
    server.process().ended().await;
    server.kill();
    // The log is put back as it was, the profiles are not. Then there is no log at all.
    let later = server.data().with_file_name("later");
    copy(&server.data(), &later);
    remove(&server, LOG);
    for end in ["", "-wal"] {
        let name = format!("{LOG}{end}");
        fs::copy(earlier.join(&name), file(&server, &name)).unwrap();
    }
    let reason = server.expect_refusal(PROFILES).await;
    assert!(reason.contains("not of one moment"), "{reason}");
    remove(&server, LOG);
    let (_, log) = server.try_start_again().await.expect_err("it must not begin a new log under old profiles");
    assert!(log.lines().last().unwrap().contains("not of one moment"), "{log}");
    // Profiles that are older are brought up to the log.
    copy(&later, &server.data());
    remove(&server, PROFILES);
    for end in ["", "-wal"] {
        let name = format!("{PROFILES}{end}");
        if earlier.join(&name).exists() {
            fs::copy(earlier.join(&name), file(&server, &name)).unwrap();
        }
    }
    server.start_again().await;
    expect_all_once(&server.api(), &mut pages).await;
}
