//! What the servers of the subjects say: as little as keeps each SDK content.

use axum::http::Method;
use serde_json::{Value, json};

use crate::arrivals;

/// The answer to a request, by its path. `server` is the address that it came to, as its `Host` header has it.
pub(crate) fn to(method: &Method, path: &str, server: &str, body: &[u8]) -> Value {
    match path {
        "/sdk/v1/flush" => flush(body),
        // PostHog's remote configuration: nothing that would be loaded, and feature flags without any.
        path if path.starts_with("/array/") => json!({
            "supportedCompression": ["gzip", "gzip-js"],
            "surveys": false, "heatmaps": false, "sessionRecording": false, "captureDeadClicks": false,
            "capturePerformance": false, "autocaptureExceptions": false, "autocapture_opt_out": false,
            "hasFeatureFlags": false, "siteApps": [], "isAuthenticated": false, "toolbarParams": {},
        }),
        "/flags/" => {
            json!({"flags": {}, "featureFlags": {}, "featureFlagPayloads": {}, "errorsWhileComputingFlags": false})
        }
        // The settings of a source, of Segment and of those that began as a copy of it.
        path if path.ends_with("/settings") && path.starts_with("/v1/projects/") => {
            let destination = json!({"apiKey": "bench", "apiHost": format!("{server}/v1"), "protocol": "http"});
            json!({
                "integrations": {"Segment.io": destination, "Customer.io Data Pipelines": destination},
                "plan": {"track": {"__default": {"enabled": true, "integrations": {}}}},
            })
        }
        path if path.starts_with("/sourceConfig") => json!({
            "source": {
                "id": "bench", "name": "bench", "writeKey": "bench", "workspaceId": "bench", "enabled": true, "destinations": [],
                "config": {"statsCollection": {"errors": {"enabled": false}, "metrics": {"enabled": false}}},
            },
            "updatedAt": "2025-01-01T00:00:00.000Z",
        }),
        path if path.starts_with("/config/") => json!({"configs": {}}),
        "/2/httpapi" => {
            json!({"code": 200, "events_ingested": 1, "payload_size_bytes": body.len(), "server_upload_time": 1})
        }
        "/events/track" => json!({"code": "Success", "msg": "", "params": {}}),
        "/track" if *method == Method::POST => {
            json!({"status": 1, "error": null, "deviceId": "bench", "sessionId": "bench"})
        }
        _ => json!({"status": 1, "ok": true, "success": true, "error": null}),
    }
}

/// Messages that a device is made to hold.
pub(crate) const MESSAGES: usize = 1_000;

/// Kindling's: all that came is settled. An event of a certain name has the device hold messages, or none.
fn flush(body: &[u8]) -> Value {
    let flush: Value = serde_json::from_slice(&arrivals::plain(body)).unwrap_or_default();
    let records = || flush["records"].as_array().into_iter().flatten();
    let mut answer = json!({"acked": records().filter_map(|record| record["seq"].as_u64()).max(), "rejected": []});
    let has = |name: &str| records().any(|record| record["name"] == name);
    if has("hold_messages") {
        answer["messages"] = json!({"version": "many", "items": (0..MESSAGES).map(message).collect::<Vec<_>>()});
    } else if has("hold_nothing") {
        answer["messages"] = json!({"version": "", "items": []});
    }
    answer
}

/// Half of them wait for another event; the other half would be shown, had their campaigns not ended: they take longest.
fn message(number: usize) -> Value {
    let mut message = json!({
        "id": format!("message-{number}"), "priority": number % 7, "repeat_after_ms": 1_000,
        "trigger": {"type": "custom_event", "name": "added_to_basket"}, "expires_at": 1_000,
        "content": {"type": "slide_up", "slide_from": "bottom", "header": "Free shipping", "body": "Two more."},
    });
    if number.is_multiple_of(2) {
        message["trigger"]["name"] = json!(format!("event_{number}"));
        message["expires_at"] = json!(4_000_000_000_000_u64);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_is_acknowledged_up_to_its_last_record() {
        let body = br#"{"key":"pk_bench","records":[{"seq":7,"type":"custom_event"},{"seq":8,"type":"custom_event"}]}"#;
        assert_eq!(to(&Method::POST, "/sdk/v1/flush", "", body), json!({"acked": 8, "rejected": []}));
    }

    #[test]
    fn settings_name_the_server_that_was_asked() {
        let settings = to(&Method::GET, "/v1/projects/bench/settings", "127.0.0.1:4711", &[]);
        assert_eq!(settings["integrations"]["Segment.io"]["apiHost"], "127.0.0.1:4711/v1");
    }
}
