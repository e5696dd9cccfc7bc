//! Bodies as nobody should send them: compressed in every way, and JSON that is meant to hurt. Each has its exact answer, and
//! what stands on the profile afterwards is exactly what was good.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use kindling_tests::{
    api::{Answer, Api, send},
    server::{Server, empty_workspace},
    visitor::{Visitor, event, now},
};
use reqwest::Method;
use serde_json::{Value, json};

const MIB: usize = 1024 * 1024;

async fn start() -> (Server, Api) {
    let server = Server::start(empty_workspace("shop")).await;
    let api = server.api();
    (server, api)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 3).unwrap()
}

type Compress = fn(&[u8]) -> Vec<u8>;
const ENCODERS: [(&str, Compress); 2] = [("gzip", gzip), ("zstd", zstd)];

/// Sends a body with a Content-Encoding, as a server might.
async fn post_as(api: &Api, coding: &str, body: impl Into<reqwest::Body>) -> Answer {
    send(api.flush_request(body).header("content-encoding", coding)).await
}

#[tokio::test]
async fn a_compressed_flush_is_taken_with_and_without_a_header() {
    let (_server, api) = start().await;
    for (coding, compress) in ENCODERS {
        let mut visitor = Visitor::new();
        let body = |visitor: &mut Visitor| {
            api.with_sdk_key(visitor.flush_of((0..50).map(|_| event("pressed")))).to_string().into_bytes()
        };
        let plain = body(&mut visitor);
        assert!(compress(&plain).len() * 3 < plain.len());
        assert_eq!(api.post_flush(compress(&plain)).await.ok(), json!({"acked": 50}), "{coding}");
        assert_eq!(post_as(&api, coding, compress(&plain)).await.ok(), json!({"acked": 50}), "{coding}");
        let plain = body(&mut visitor);
        assert_eq!(post_as(&api, coding, compress(&plain)).await.ok(), json!({"acked": 100}), "{coding}");
        // In parts, as a stream is written that is flushed now and then.
        let plain = body(&mut visitor);
        let parts: Vec<u8> = plain.chunks(1_000).flat_map(|part| [compress(part), compress(b"")].concat()).collect();
        assert_eq!(api.post_flush(parts).await.ok(), json!({"acked": 150}), "{coding}");
        assert_eq!(api.event_count(&visitor.device_ref(), "pressed").await, 150, "{coding}");
    }
    api.expect_healthy().await;
}

#[tokio::test]
async fn a_header_has_to_be_known_and_true() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let plain = api.with_sdk_key(visitor.flush_of([event("x")])).to_string().into_bytes();
    for coding in ["br", "deflate", "compress", "gzip, zstd", "gzip, gzip", "aes128gcm", "\u{a0}"] {
        let answer = post_as(&api, coding, plain.clone()).await;
        answer.problem(415, "unsupported_encoding");
        assert_eq!(answer.header("accept-encoding"), "gzip, zstd", "{coding}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{coding}");
    }
    for (coding, body) in
        [("gzip", plain.clone()), ("zstd", plain.clone()), ("gzip", zstd(&plain)), ("zstd", gzip(&plain))]
    {
        post_as(&api, coding, body).await.problem(400, "bad_compression");
    }
    for coding in ["gzip", "zstd"] {
        post_as(&api, coding, Vec::new()).await.problem(400, "bad_compression");
    }
    assert_eq!(api.find_user(&visitor.device_ref()).await, None);
    assert_eq!(post_as(&api, "identity", plain).await.ok(), json!({"acked": 1}));
}

#[tokio::test]
async fn what_is_cut_off_damaged_or_followed_by_something_is_refused() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let plain = api.with_sdk_key(visitor.flush_of([event("x")])).to_string().into_bytes();
    for (coding, compress) in ENCODERS {
        let body = compress(&plain);
        for end in [4, 5, 9, 10, 18, body.len() / 2, body.len() - 9, body.len() - 4, body.len() - 1] {
            api.post_flush(body[..end].to_vec()).await.problem(400, "bad_compression");
        }
        for behind in [b"\0".as_slice(), b" ", b"{}", &plain, &body[..body.len() - 1]] {
            api.post_flush([&body, behind].concat()).await.problem(400, "bad_compression");
        }
        let answer = api.post_flush(body[..body.len() - 1].to_vec()).await;
        assert!(answer.problem(400, "bad_compression")["detail"].as_str().unwrap().contains(coding));
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        // The same flush twice in one body is not one flush.
        api.post_flush(body.repeat(2)).await.problem(400, "not_a_flush");
        api.post_flush(compress(b"")).await.problem(400, "not_a_flush");
        api.post_flush(compress(&compress(&plain))).await.problem(400, "not_a_flush");
    }
    assert_eq!(api.find_user(&visitor.device_ref()).await, None);
    api.expect_healthy().await;
}

#[tokio::test]
async fn both_sizes_are_bounded_to_the_byte() {
    let (_server, api) = start().await;
    for (coding, compress) in ENCODERS {
        let mut visitor = Visitor::new();
        let mut body = api.with_sdk_key(visitor.flush_of([event("padded")])).to_string().into_bytes();
        body.resize(MIB, b' ');
        assert_eq!(api.post_flush(compress(&body)).await.ok(), json!({"acked": 1}), "{coding}");
        body.push(b' ');
        let problem = api.post_flush(compress(&body)).await.problem(413, "body_too_large");
        assert!(problem["detail"].as_str().unwrap().contains("decompressed"), "{coding}: {problem}");
        // Too much on the wire already, though there is nothing in it.
        let empty = compress(b"");
        let wire = empty.repeat(MIB / empty.len() + 1);
        let problem = api.post_flush(wire).await.problem(413, "body_too_large");
        assert!(!problem["detail"].as_str().unwrap().contains("decompressed"), "{coding}: {problem}");
        let most = empty.repeat(MIB / empty.len());
        api.post_flush(most).await.problem(400, "not_a_flush");
    }
    api.expect_healthy().await;
}

/// The most memory that the process ever had, in bytes; `None` where the system does not say.
fn peak_memory(server: &mut Server) -> Option<usize> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process().id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().unwrap() * 1024)
}

#[tokio::test]
async fn a_bomb_does_not_go_off() {
    let (mut server, api) = start().await;
    api.expect_healthy().await;
    let before = peak_memory(&mut server);
    let zeros = vec![0; 256 * MIB];
    // 256 MiB in one stream, and 1 GiB in four. The first bytes look harmless.
    for (coding, compress) in ENCODERS {
        let single = compress(&zeros);
        let many = [compress(b"{"), single.repeat(4)].concat();
        if coding == "zstd" {
            assert!(many.len() < 100_000);
        }
        let twice = compress(&many[..many.len().min(MIB - 1_000)]);
        for _ in 0..8 {
            api.post_flush(single.clone()).await.problem(413, "body_too_large");
            if many.len() <= MIB {
                let problem = api.post_flush(many.clone()).await.problem(413, "body_too_large");
                assert!(problem["detail"].as_str().unwrap().contains("decompressed"), "{coding}: {problem}");
            }
            // Only one layer is taken off.
            api.post_flush(twice.clone()).await.problem(400, "not_a_flush");
        }
    }
    if let Some((before, after)) = before.zip(peak_memory(&mut server)) {
        assert!(after < before + 64 * MIB, "from {before} to {after} bytes");
    }
    api.expect_healthy().await;
}

#[tokio::test]
async fn only_flushes_may_be_compressed() {
    let (_server, api) = start().await;
    let definition = json!({"name": "All", "filter": {"all": []}}).to_string();
    let request = |body: Vec<u8>| send(api.management(Method::PUT, "/segments/all").body(body));
    for (_, compress) in ENCODERS {
        request(compress(definition.as_bytes())).await.problem(400, "not_json");
    }
    request(definition.into_bytes()).await.ok();
}

/// What is to become of a flush with a strange record among good ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// All of it is taken.
    Taken,
    /// The strange record is rejected alone, with this code.
    Rejected(&'static str),
    /// The flush is refused, with this code, and nothing of it is stored.
    Refused(&'static str),
}
use Fate::{Refused, Rejected, Taken};

const MALFORMED: Fate = Rejected("malformed_record");
const NOT_A_FLUSH: Fate = Refused("not_a_flush");

/// The body of a flush with these records as they stand.
fn body_of(api: &Api, visitor: &Visitor, records: &[&[u8]]) -> Vec<u8> {
    let empty = api.with_sdk_key(visitor.flush(vec![])).to_string();
    let (head, tail) = empty.split_once(r#""records":[]"#).unwrap();
    [head.as_bytes(), br#""records":["#, &records.join(b",".as_slice()), b"]", tail.as_bytes()].concat()
}

/// Sends the record as the second of four, plain or compressed, and holds the answer and the profile against its fate.
async fn expect(api: &Api, record: &[u8], fate: Fate) {
    let visitor = Visitor::new();
    let at = now();
    let good = |seq: u64| format!(r#"{{"seq":{seq},"at":{at},"type":"custom_event","name":"neighbour"}}"#).into_bytes();
    let body = body_of(api, &visitor, &[&good(1), record, &good(3), &good(4)]);
    expect_body(api, &visitor, body, fate, &String::from_utf8_lossy(&record[..record.len().min(160)])).await;
}

/// Sends a body of which the records 1, 3 and 4 are good.
async fn expect_body(api: &Api, visitor: &Visitor, body: Vec<u8>, fate: Fate, what: &str) {
    let device = visitor.device_ref();
    let answer = api.post_flush(body.clone()).await;
    if let Refused(code) = fate {
        assert_eq!(answer.status, 400, "{what}: {}", answer.text);
        answer.problem(400, code);
        assert_eq!(api.find_user(&device).await, None, "{what}");
        return;
    }
    assert_eq!(answer.status, 200, "{what}: {}", answer.text);
    let answer = answer.json();
    assert_eq!(answer["acked"], 4, "{what}");
    let codes: Vec<_> = answer["rejected"].as_array().into_iter().flatten().map(|r| (&r["seq"], &r["code"])).collect();
    match fate {
        Rejected(code) => assert_eq!(codes, [(&json!(2), &json!(code))], "{what}"),
        Taken | Refused(_) => assert_eq!(codes, [], "{what}"),
    }
    let seqs: &[u64] = if fate == Taken { &[4, 3, 2, 1] } else { &[4, 3, 1] };
    let records = api.get(&format!("/users/{device}/records")).await;
    assert_eq!(records.status, 200, "the records can't be read again: {what}: {}", records.text);
    let stored: Vec<u64> =
        records.json()["records"].as_array().unwrap().iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert_eq!(stored, seqs, "{what}");
    let user = api.user(&device).await;
    assert_eq!(user["events"]["neighbour"]["count"], 3, "{what}");
    if fate != Taken {
        assert_eq!(user["events"].as_object().unwrap().len(), 1, "half a record: {what}: {user}");
        assert_eq!(user["custom_attributes"], json!({}), "half a record: {what}: {user}");
        assert_eq!(user["purchases"]["count"], 0, "half a record: {what}: {user}");
    }
    // Compressed, and again, it changes nothing.
    assert_eq!(api.post_flush(gzip(&body)).await.ok(), json!({"acked": 4}), "{what}");
}

fn named(name: &str) -> String {
    format!(r#"{{"seq":2,"at":{},"type":"custom_event","name":{name}}}"#, now())
}

fn with_properties(properties: &str) -> String {
    format!(r#"{{"seq":2,"at":{},"type":"custom_event","name":"odd","properties":{properties}}}"#, now())
}

fn with_more(more: &str) -> String {
    format!(r#"{{"seq":2,"at":{},"type":"custom_event","name":"odd",{more}}}"#, now())
}

fn deep(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

fn deep_objects(levels: usize) -> String {
    format!("{}0{}", r#"{"a":"#.repeat(levels), "}".repeat(levels))
}

#[tokio::test]
async fn numbers_that_are_none_or_too_large() {
    let (_server, api) = start().await;
    let digits = "9".repeat(400);
    for number in ["NaN", "Infinity", "-Infinity", "+1", "01", "1.", ".5", "0x10", "1e", "--1"] {
        // That is not JSON, wherever it stands.
        expect(&api, with_properties(&format!(r#"{{"a":{number}}}"#)).as_bytes(), NOT_A_FLUSH).await;
        expect(&api, with_more(&format!(r#""later":{number}"#)).as_bytes(), NOT_A_FLUSH).await;
    }
    for (number, fate) in [
        ("1e999", MALFORMED),
        ("-1e999", MALFORMED),
        (digits.as_str(), MALFORMED),
        ("1e308", Taken),
        ("-0", Taken),
        ("1e-999", Taken),
        ("18446744073709551616", Taken),
        (&digits[..300], Taken),
    ] {
        expect(&api, with_properties(&format!(r#"{{"a":{number}}}"#)).as_bytes(), fate).await;
        expect(&api, with_properties(&format!(r#"{{"a":[{{"b":{number}}}]}}"#)).as_bytes(), fate).await;
    }
    for (member, fate) in [
        (r#""seq":2,"at":1e999"#, MALFORMED),
        (r#""seq":2,"at":9223372036854775808"#, MALFORMED),
        (r#""seq":2,"at":1.5"#, MALFORMED),
        (r#""seq":1e999,"at":5"#, Refused("no_seq")),
        (r#""seq":2.5,"at":5"#, Refused("no_seq")),
        (r#""seq":-2,"at":5"#, Refused("no_seq")),
        (r#""seq":18446744073709551616,"at":5"#, Refused("no_seq")),
    ] {
        expect(&api, format!(r#"{{{member},"type":"custom_event","name":"odd"}}"#).as_bytes(), fate).await;
    }
    api.expect_healthy().await;
}

#[tokio::test]
async fn a_place_beyond_what_can_be_counted() {
    let (_server, api) = start().await;
    for (seq, refused) in [
        ("9007199254740991", false),
        ("9007199254740992", true),
        ("9223372036854775807", true),
        ("9223372036854775808", true),
        ("18446744073709551615", true),
    ] {
        let mut visitor = Visitor::new();
        let good = visitor.record(event("neighbour")).to_string();
        let far = format!(r#"{{"seq":{seq},"at":5,"type":"custom_event","name":"far"}}"#);
        let answer = api.post_flush(body_of(&api, &visitor, &[good.as_bytes(), far.as_bytes()])).await;
        if refused {
            answer.problem(400, "no_seq");
            assert_eq!(api.find_user(&visitor.device_ref()).await, None, "{seq}");
        } else {
            assert_eq!(answer.ok()["acked"].to_string(), seq);
            assert_eq!(api.records(&visitor.device_ref(), 10).await[0]["seq"].to_string(), seq);
        }
    }
    api.expect_healthy().await;
}

#[tokio::test]
async fn text_that_is_none() {
    let (_server, api) = start().await;
    // Half of a pair is no character; the whole pair is.
    for (text, fate) in [
        (r#""\ud83d""#, MALFORMED),
        (r#""\ude00\ud83d""#, MALFORMED),
        (r#""\ud83dx""#, MALFORMED),
        (r#""\ud83d\ude00""#, Taken),
        (r#""a\u0000b""#, Taken),
        (r#""\u001f\u007f\u0085\u2028""#, Taken),
        (r#""\ufeff""#, Taken),
        (r#""\uffff""#, Taken),
    ] {
        expect(&api, named(text).as_bytes(), fate).await;
        expect(&api, with_properties(&format!(r#"{{"a":{text}}}"#)).as_bytes(), fate).await;
        expect(&api, with_properties(&format!(r#"{{{text}:1}}"#)).as_bytes(), fate).await;
        expect(
            &api,
            format!(r#"{{"seq":2,"at":5,"type":"custom_attribute","name":"a","op":"set","value":{text}}}"#).as_bytes(),
            fate,
        )
        .await;
    }
    // What is no UTF-8 is no JSON, nor is a control character that is not escaped, nor an escape that there is not.
    for bytes in [
        b"\xff".as_slice(),
        b"\xc3",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf5\x80\x80\x80",
        b"\xe2\x82",
        b"\0",
        b"\n",
        b"\x1f",
        b"\\x",
        b"\\u12",
    ] {
        for record in
            [named("\"a|b\""), with_properties(r#"{"a":"|"}"#), with_properties(r#"{"|":1}"#), with_more(r#""b":"|""#)]
        {
            let (before, after) = record.split_once('|').unwrap();
            expect(&api, &[before.as_bytes(), bytes, after.as_bytes()].concat(), NOT_A_FLUSH).await;
        }
    }
    api.expect_healthy().await;
}

#[tokio::test]
async fn names_that_stand_twice() {
    let (_server, api) = start().await;
    for (record, fate) in [
        (with_more(r#""name":"again""#), MALFORMED),
        (with_more(r#""type":"identified""#), MALFORMED),
        (with_more(r#""at":7"#), MALFORMED),
        (with_more(r#""properties":{},"properties":{}"#), MALFORMED),
        (with_more(r#""seq":2"#), Refused("no_seq")),
        (with_more(r#""seq":3"#), Refused("no_seq")),
        (with_more(r#""seq":null"#), Refused("no_seq")),
        (with_properties(r#"{"a":1,"a":1}"#), MALFORMED),
        (with_properties(r#"{"a":1,"\u0061":2}"#), MALFORMED),
        (with_properties(r#"{"a":{"b":1,"c":2,"b":3}}"#), MALFORMED),
        (with_properties(r#"{"a":{"$time":1,"$time":2}}"#), MALFORMED),
        (with_properties(r#"{"a":[{"b":1},{"b":1}]}"#), Taken),
    ] {
        expect(&api, record.as_bytes(), fate).await;
    }
    // Two records at one place: the first one counts.
    let visitor = Visitor::new();
    let record = |name: &str| format!(r#"{{"seq":1,"at":5,"type":"custom_event","name":"{name}"}}"#).into_bytes();
    let body = body_of(&api, &visitor, &[&record("first"), &record("second"), &record("")]);
    assert_eq!(api.post_flush(body).await.ok(), json!({"acked": 1}));
    let user = api.user(&visitor.device_ref()).await;
    assert_eq!((&user["events"]["first"]["count"], &user["events"]["second"]), (&json!(1), &Value::Null));
    api.expect_healthy().await;
}

#[tokio::test]
async fn json_that_is_very_deep() {
    let (_server, api) = start().await;
    for levels in [200, 100_000] {
        for value in [deep(levels), deep_objects(levels)] {
            expect(&api, with_properties(&format!(r#"{{"a":{value}}}"#)).as_bytes(), MALFORMED).await;
            expect(&api, with_properties(&value).as_bytes(), MALFORMED).await;
            expect(&api, named(&value).as_bytes(), MALFORMED).await;
            expect(&api, format!(r#"{{"seq":{value},"at":5,"type":"identified"}}"#).as_bytes(), Refused("no_seq"))
                .await;
            expect(&api, value.as_bytes(), Refused("no_seq")).await;
            // Cut off: not JSON.
            let half = &value[..levels];
            expect(&api, with_properties(&format!(r#"{{"a":{half}"#)).as_bytes(), NOT_A_FLUSH).await;
        }
    }
    api.expect_healthy().await;
}

#[tokio::test]
async fn a_head_that_is_hostile() {
    let (_server, api) = start().await;
    let deep = [deep(100_000), deep_objects(100_000)];
    let members = [
        (r#""sdk":"#, r#""a","sdk":"b""#.to_owned(), NOT_A_FLUSH),
        (r#""sdk":"#, r#""\ud83d""#.to_owned(), NOT_A_FLUSH),
        (r#""sdk":"#, "1e999".to_owned(), NOT_A_FLUSH),
        (r#""sdk":"#, deep[0].clone(), NOT_A_FLUSH),
        (r#""sdk":"#, deep[1].clone(), NOT_A_FLUSH),
        (
            r#""sdk":"#,
            r#""a","identity":{"anonymous_id":"00000000-0000-4000-8000-00000000ffff"}"#.to_owned(),
            NOT_A_FLUSH,
        ),
        (r#""sdk":"#, r#""a","records":[]"#.to_owned(), NOT_A_FLUSH),
        (r#""sdk":"#, r#""a","key":"pk_shop""#.to_owned(), NOT_A_FLUSH),
        (r#""sent_at":"#, "NaN".to_owned(), NOT_A_FLUSH),
        (r#""sent_at":"#, "1e999".to_owned(), NOT_A_FLUSH),
        (r#""sent_at":"#, "1.5".to_owned(), NOT_A_FLUSH),
        (r#""sent_at":"#, deep[0].clone(), NOT_A_FLUSH),
        (r#""identity":"#, deep[1].clone(), NOT_A_FLUSH),
        (r#""identity":"#, r#"{"external_id":"a","external_id":"b"}"#.to_owned(), NOT_A_FLUSH),
        (r#""identity":"#, r#"{"external_id":"\ud83d"}"#.to_owned(), NOT_A_FLUSH),
        (r#""identity":"#, r#"{"external_id":"a\u0000b"}"#.to_owned(), NOT_A_FLUSH),
        (r#""identity":"#, r#"{"external_id":"a\u0085b"}"#.to_owned(), NOT_A_FLUSH),
        (r#""identity":"#, r#"{}"#.to_owned(), Refused("no_identity")),
        (r#""device":"#, r#""00000000-0000-4000-8000-00000000000g""#.to_owned(), NOT_A_FLUSH),
    ];
    // What is not known is stored with the rest, and has to be readable by everybody.
    let unknown = [
        (r#"{"a":[1,null,"x"]}"#.to_owned(), Taken),
        ("1e999".to_owned(), NOT_A_FLUSH),
        (r#""\ud83d""#.to_owned(), NOT_A_FLUSH),
        (r#"{"a":1,"a":2}"#.to_owned(), NOT_A_FLUSH),
        (deep[0].clone(), NOT_A_FLUSH),
        (deep[1].clone(), NOT_A_FLUSH),
        ("NaN".to_owned(), NOT_A_FLUSH),
        ("\"\u{1}\"".to_owned(), NOT_A_FLUSH),
        (deep[0][1..].to_owned(), NOT_A_FLUSH),
    ];
    let unknown = unknown.map(|(value, fate)| (r#""sdk":"#, format!(r#""a","later":{value}"#), fate));
    for (member, value, fate) in members.into_iter().chain(unknown) {
        let visitor = Visitor::new();
        let at = now();
        let records: Vec<Vec<u8>> = (1..=4)
            .map(|seq| {
                let name = if seq == 2 { "odd" } else { "neighbour" };
                format!(r#"{{"seq":{seq},"at":{at},"type":"custom_event","name":"{name}"}}"#).into_bytes()
            })
            .collect();
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let body = String::from_utf8(body_of(&api, &visitor, &records)).unwrap();
        let start = body.find(member).unwrap() + member.len();
        let old = if body[start..].starts_with('{') {
            body[start..].find('}').unwrap() + 1
        } else {
            body[start..].find([',', '}']).unwrap()
        };
        let body = format!("{}{value}{}", &body[..start], &body[start + old..]);
        let what = format!("{member}{}", value.chars().take(80).collect::<String>());
        expect_body(&api, &visitor, body.into_bytes(), fate, &what).await;
    }
    api.expect_healthy().await;
}

#[tokio::test]
async fn a_byte_order_mark_is_no_json() {
    let (_server, api) = start().await;
    let mut visitor = Visitor::new();
    let text = api.with_sdk_key(visitor.flush_of([event("x")])).to_string();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for body in [
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        [b"\xff\xfe", utf16.as_slice()].concat(),
        utf16.clone(),
        [text.as_bytes(), b"\xef\xbb\xbf"].concat(),
        [text.as_bytes(), b"\0"].concat(),
        [b"\x0b", text.as_bytes()].concat(),
    ] {
        for (_, compress) in ENCODERS {
            api.post_flush(compress(&body)).await.problem(400, "not_a_flush");
        }
        api.post_flush(body).await.problem(400, "not_a_flush");
    }
    assert_eq!(api.find_user(&visitor.device_ref()).await, None);
    // White space is fine.
    assert_eq!(api.post_flush(format!("\r\n\t {text}\n ")).await.ok(), json!({"acked": 1}));
}

#[tokio::test]
async fn every_limit_of_a_record_holds_to_the_last_one() {
    let (_server, api) = start().await;
    let at = now();
    for letter in ["x", "é", "😀"] {
        for (count, fate) in [(255, Taken), (256, Rejected("invalid_name"))] {
            let name = letter.repeat(count);
            let purchase = format!(
                r#"{{"seq":2,"at":{at},"type":"purchase","product_id":"{name}","price":1,"currency":"EUR","quantity":1}}"#
            );
            let attribute =
                format!(r#"{{"seq":2,"at":{at},"type":"custom_attribute","name":"{name}","op":"increment","by":1}}"#);
            let click = format!(r#"{{"seq":2,"at":{at},"type":"message_click","message":"m","button":"{name}"}}"#);
            for record in [named(&format!(r#""{name}""#)), purchase, attribute, click] {
                expect(&api, record.as_bytes(), fate).await;
            }
            expect(&api, with_properties(&format!(r#"{{"{name}":1}}"#)).as_bytes(), fate).await;
            expect(&api, with_properties(&format!(r#"{{"a":[{{"{name}":1}}]}}"#)).as_bytes(), fate).await;
        }
    }
    let text = |bytes: usize| "x".repeat(bytes);
    let set = |value: String| {
        format!(r#"{{"seq":2,"at":{at},"type":"custom_attribute","name":"a","op":"set","value":{value}}}"#)
    };
    // Six long strings and one that fills up to 50 KiB, as the limit counts.
    let large = |last: usize| {
        let long: String =
            ["a", "b", "c", "d", "e", "f"].map(|name| format!(r#""{name}":"{}","#, text(8_000))).concat();
        format!(r#"{{{long}"g":"{}"}}"#, text(last))
    };
    for (value, fate) in [
        (format!(r#"{{"a":"{}"}}"#, text(8 * 1024)), Taken),
        (format!(r#"{{"a":"{}"}}"#, text(8 * 1024 + 1)), Rejected("string_too_long")),
        (format!(r#"{{"a":"{}"}}"#, "é".repeat(4 * 1024)), Taken),
        (format!(r#"{{"a":"{}"}}"#, "é".repeat(4 * 1024 + 1)), Rejected("string_too_long")),
        (large(3_149), Taken),
        (large(3_150), Rejected("too_large")),
        (format!(r#"{{"a":{}}}"#, deep(16)), Taken),
        (format!(r#"{{"a":{}}}"#, deep(17)), Rejected("too_deep")),
        (deep_objects(16), Taken),
        (deep_objects(17), Rejected("too_deep")),
        (r#"{"a":{"$time":5}}"#.to_owned(), Taken),
        (r#"{"a":{"$time":5,"b":1}}"#.to_owned(), Rejected("invalid_name")),
        (r#"{"a":{"$time":"x"}}"#.to_owned(), Rejected("invalid_name")),
        (r#"{"$time":5}"#.to_owned(), Rejected("invalid_name")),
    ] {
        expect(&api, with_properties(&value).as_bytes(), fate).await;
    }
    for (value, fate) in [
        (format!("{:?}", text(8 * 1024)), Taken),
        (format!("{:?}", text(8 * 1024 + 1)), Rejected("string_too_long")),
        (json!(vec![0; 500]).to_string(), Taken),
        (json!(vec![0; 501]).to_string(), Rejected("too_large")),
        (large(3_149), Taken),
        (large(3_150), Rejected("too_large")),
        (deep(17), Taken),
        (deep(18), Rejected("too_deep")),
    ] {
        expect(&api, set(value).as_bytes(), fate).await;
    }
    for (price, quantity, fate) in [
        ("10000000", "100", Taken),
        ("10000000.01", "1", Rejected("invalid_price")),
        ("0", "1", Taken),
        ("-0.001", "1", Taken),
        ("-0.01", "1", Rejected("invalid_price")),
        ("1e300", "1", Rejected("invalid_price")),
        ("1e999", "1", MALFORMED),
        ("1", "0", Rejected("invalid_quantity")),
        ("1", "101", Rejected("invalid_quantity")),
        ("1", "-1", MALFORMED),
        ("1", "4294967296", MALFORMED),
    ] {
        let record = format!(
            r#"{{"seq":2,"at":{at},"type":"purchase","product_id":"p","price":{price},"currency":"EUR","quantity":{quantity}}}"#
        );
        expect(&api, record.as_bytes(), fate).await;
    }
    api.expect_healthy().await;
}

/// A record's members that are not known are ignored, but they are stored with it; reading it again must not fail on them. What is
/// no value of ours is no record either.
#[tokio::test]
async fn members_of_a_record_that_are_not_known_do_no_harm() {
    let (_server, api) = start().await;
    expect(&api, with_more(&format!(r#""later":{}"#, deep(16))).as_bytes(), Taken).await;
    for value in [
        "1e999".to_owned(),
        r#""\ud83d""#.to_owned(),
        r#"{"a":1,"a":2}"#.to_owned(),
        deep(200),
        deep_objects(200),
        deep(100_000),
        deep_objects(100_000),
    ] {
        expect(&api, with_more(&format!(r#""later":{value}"#)).as_bytes(), MALFORMED).await;
    }
    expect(&api, with_more(r#""later":1,"later":2"#).as_bytes(), MALFORMED).await;
    api.expect_healthy().await;
}

#[tokio::test]
async fn a_list_is_no_object() {
    let (_server, api) = start().await;
    let members = "null,".repeat(11);
    for record in ["[2]".to_owned(), format!(r#"[2,5,"custom_event","odd",{members}null]"#)] {
        expect(&api, record.as_bytes(), Refused("no_seq")).await;
    }
    let visitor = Visitor::new();
    let flush = visitor.flush(vec![]);
    let mut listed = api.with_sdk_key(flush.clone());
    listed["identity"] = json!([null, flush["identity"]["anonymous_id"]]);
    api.post_flush(listed.to_string()).await.problem(400, "not_a_flush");
    let mut listed = vec![json!(api.sdk_key)];
    for name in ["sdk", "device", "stream", "identity", "sent_at", "messages", "records"] {
        listed.push(flush[name].clone());
    }
    api.post_flush(json!(listed).to_string()).await.problem(400, "not_a_flush");
    api.expect_healthy().await;
}
