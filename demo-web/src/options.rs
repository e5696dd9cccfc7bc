//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::ensure;
use clap::Parser;

use crate::kindling_url::KindlingUrl;

/// Serves the demo shop.
#[derive(Debug, Parser)]
#[command(name = "demo-web", version)]
pub(crate) struct Options {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Address of the Kindling server, for this process and for the browser
    #[arg(long, default_value = "http://127.0.0.1:8081")]
    pub(crate) kindling: KindlingUrl,
    /// Folder of the npm package, which is served as /node_modules/@kindling/web-sdk
    #[arg(long, default_value = "sdk/pkg")]
    pub(crate) package: PathBuf,
    /// Folder of the shop's pages
    #[arg(long, default_value = "demo-web/site")]
    pub(crate) site: PathBuf,
    /// Definitions of the demo workspace; the keys are taken from it
    #[arg(long, default_value = "demo-web/workspace.json")]
    pub(crate) definitions: PathBuf,
}

impl Options {
    /// A wrong site folder is an error: there would be nothing to serve. A missing package is not: the shop has to work
    /// without the SDK.
    pub(crate) fn check_folders(&self) -> anyhow::Result<()> {
        ensure!(self.site.join("index.html").is_file(), "the site folder {} has no index.html", self.site.display());
        if !self.package.join("dist/index.js").is_file() {
            tracing::warn!(
                package = %self.package.display(),
                "the package folder has no dist/index.js: the shop runs without the SDK"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn every_option_has_a_default() {
        let options = Options::try_parse_from(["demo-web"]).unwrap();
        assert_eq!(options.kindling.base(), "http://127.0.0.1:8081");
        assert!(options.listen.ip().is_loopback());
    }
}
