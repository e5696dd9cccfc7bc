//! What a User-Agent header says of a browser and its system.

use std::sync::LazyLock;

use kindling_core::protocol::DeviceInfo;
use serde::Deserialize;
use tracing::error;
use ua_parser::{os, user_agent};

/// The longest header that is looked at, in bytes. Browsers send about 120.
pub const USER_AGENT_BYTES: usize = 512;

/// The patterns, as `data/README.md` says.
const PATTERNS: &str = include_str!("../../data/user_agents.json");

#[derive(Deserialize)]
struct Patterns {
    user_agent_parsers: Vec<user_agent::Parser<'static>>,
    os_parsers: Vec<os::Parser<'static>>,
}

/// Compiled when the first header comes: it takes some 50 ms and 10 MiB.
static EXTRACTORS: LazyLock<Option<(user_agent::Extractor<'static>, os::Extractor<'static>)>> =
    LazyLock::new(|| compile().inspect_err(|error| error!(%error, "the patterns of user agents can't be used")).ok());

fn compile() -> anyhow::Result<(user_agent::Extractor<'static>, os::Extractor<'static>)> {
    let Patterns { user_agent_parsers, os_parsers } = serde_json::from_str(PATTERNS)?;
    let browsers = user_agent::Builder::new().push_all(user_agent_parsers)?.build()?;
    let systems = os::Builder::new().push_all(os_parsers)?.build()?;
    Ok((browsers, systems))
}

/// Names the browser and the system, as far as they are known.
pub(super) fn read(header: &str) -> DeviceInfo {
    let mut info = DeviceInfo::default();
    let Some((browsers, systems)) = EXTRACTORS.as_ref() else { return info };
    if let Some(browser) = browsers.extract(header) {
        info.browser = Some(browser.family.into_owned());
        info.browser_version = browser.major.map(str::to_owned);
    }
    if let Some(system) = systems.extract(header) {
        info.os_version = match (system.major, system.minor) {
            (Some(major), Some(minor)) => Some(format!("{major}.{minor}")),
            (major, _) => major.map(std::borrow::Cow::into_owned),
        };
        info.os = Some(system.os.into_owned());
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_and_systems_are_known() {
        let named = |header| {
            let info = read(header);
            [info.browser, info.browser_version, info.os, info.os_version].map(Option::unwrap_or_default).join(" ")
        };
        for (header, wanted) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
                "Chrome 131 Linux ",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/17.5 Mobile/15E148 Safari/604.1",
                "Mobile Safari 17 iOS 17.5",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0",
                "Firefox 133 Mac OS X 10.15",
            ),
            ("", "   "),
        ] {
            assert_eq!(named(header), wanted);
        }
    }
}
