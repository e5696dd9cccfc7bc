//! The keys of the demo workspace, taken from the definitions file that the Kindling server is started with.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// One key for the browser and one for this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    /// Public: it is handed to every visitor.
    pub(crate) sdk: String,
    /// Secret: it never leaves this process but in requests to Kindling.
    pub(crate) secret: String,
}

/// The part of the definitions that matters here. The rest is the server's business.
#[derive(Deserialize)]
struct Definitions {
    keys: KeyLists,
}

#[derive(Deserialize)]
struct KeyLists {
    sdk: Vec<String>,
    secret: Vec<String>,
}

impl Keys {
    /// Reads the keys from a definitions file.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the definitions file {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("the definitions file {} is of no use", file.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let definitions: Definitions = serde_json::from_str(text)?;
        let first = |keys: Vec<String>, kind: &str| {
            keys.into_iter().find(|key| !key.is_empty()).with_context(|| format!("it has no {kind} key"))
        };
        Ok(Self { sdk: first(definitions.keys.sdk, "SDK")?, secret: first(definitions.keys.secret, "secret")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_of_each_kind_is_taken() {
        let keys = Keys::parse(
            r#"{"workspace":{"id":"demo"},"keys":{"sdk":["pk_a","pk_b"],"secret":["sk_a"]},"segments":[]}"#,
        );
        assert_eq!(keys.unwrap(), Keys { sdk: "pk_a".to_owned(), secret: "sk_a".to_owned() });
    }

    #[test]
    fn without_a_key_there_is_a_readable_error() {
        let error = Keys::parse(r#"{"keys":{"sdk":["pk_a"],"secret":[]}}"#).unwrap_err();
        assert_eq!(error.to_string(), "it has no secret key");
        assert!(Keys::parse("{}").is_err());
    }

    #[test]
    fn the_definitions_of_the_demo_hold_together() {
        let text = include_str!("../workspace.json");
        let keys = Keys::parse(text).unwrap();
        assert!(keys.sdk.starts_with("pk_demo_") && keys.secret.starts_with("sk_demo_"));

        let definitions: serde_json::Value = serde_json::from_str(text).unwrap();
        let ids = |list: &str| -> Vec<String> {
            let list = definitions[list].as_array().unwrap();
            list.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
        };
        let segments = ids("segments");
        let campaigns = ids("campaigns");
        for ids in [&segments, &campaigns] {
            assert!(ids.iter().enumerate().all(|(i, id)| !ids[..i].contains(id)), "an id is taken twice: {ids:?}");
        }
        for campaign in definitions["campaigns"].as_array().unwrap() {
            let segment = &campaign["segment"];
            assert!(
                segment.is_null() || segments.iter().any(|id| segment == id.as_str()),
                "no such segment: {segment}"
            );
        }
    }
}
