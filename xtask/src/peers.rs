//! The SDKs that ours is measured beside: what is known of each. All are open source by the licence file in their package (MIT,
//! Apache-2.0 or BSD-3-Clause, looked up for these versions); of none is there anything in this repository but its name.

/// An SDK, and the script in bench/sdk/subjects that uses it, which has its name.
#[derive(Debug)]
pub(crate) struct Peer<'a> {
    pub(crate) name: &'static str,
    /// On npm.
    pub(crate) package: &'static str,
    pub(crate) version: &'a str,
    /// With its default options, all that was tracked while there was no server survives the end of the browser, up to 500 events at least.
    pub(crate) stores_durably: bool,
    /// What the script bundles can display in-app messages.
    pub(crate) shows_messages: bool,
    /// It tracks nothing, or sends to nobody but its vendor.
    pub(crate) only_weighed: bool,
}

impl Peer<'static> {
    const fn new(name: &'static str, package: &'static str, version: &'static str) -> Self {
        Self { name, package, version, stores_durably: false, shows_messages: false, only_weighed: false }
    }

    const fn stores_durably(self) -> Self {
        Self { stores_durably: true, ..self }
    }

    const fn shows_messages(self) -> Self {
        Self { shows_messages: true, ..self }
    }

    const fn only_weighed(self) -> Self {
        Self { only_weighed: true, ..self }
    }
}

/// All of them.
pub(crate) const ALL: [Peer<'static>; 13] = [
    Peer::new("amplitude", "@amplitude/analytics-browser", "2.48.1").stores_durably(),
    Peer::new("clevertap", "clevertap-web-sdk", "2.5.2").shows_messages().only_weighed(),
    Peer::new("customerio", "@customerio/cdp-analytics-browser", "0.5.11").shows_messages(),
    Peer::new("gist", "customerio-gist-web", "3.26.0").shows_messages().only_weighed(),
    Peer::new("iterable", "@iterable/web-sdk", "2.2.1").shows_messages(),
    Peer::new("jitsu", "@jitsu/js", "1.11.0"),
    Peer::new("mixpanel", "mixpanel-browser", "2.83.0").stores_durably(),
    Peer::new("openpanel", "@openpanel/web", "1.4.1"),
    Peer::new("posthog", "posthog-js", "1.449.2"),
    Peer::new("posthog-slim", "posthog-js", "1.449.2"),
    // It stores too, but no more than 100 events.
    Peer::new("rudderstack", "@rudderstack/analytics-js", "3.34.1"),
    Peer::new("segment", "@segment/analytics-next", "1.84.3"),
    Peer::new("snowplow", "@snowplow/browser-tracker", "4.10.1").stores_durably(),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn each_has_an_exact_version_and_a_script_that_uses_it() {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/sdk/subjects");
        for peer in ALL {
            assert!(peer.version.split('.').all(|part| part.parse::<u32>().is_ok()), "{peer:?}");
            let script = std::fs::read_to_string(scripts.join(format!("{}.js", peer.name))).unwrap();
            assert!(script.contains(&format!("\"{}", peer.package)), "{peer:?}");
            assert_ne!(peer.only_weighed, script.contains("export const track"), "{peer:?}");
        }
    }
}
