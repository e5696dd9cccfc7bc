//! `demo-web`: the backend of the demo shop.
//!
//! It serves the shop's pages and the SDK package as any web server would, tells the browser which SDK key and server to
//! use, and asks Kindling's management API for what the developer panel shows. The secret key stays in this process.
//!
//! Start reading at [`site`], which has all routes.

mod configuration;
mod definitions;
mod kindling_url;
mod options;
mod problem;
mod profiles;
mod security_headers;
mod shutdown;
mod site;
#[cfg(test)]
mod site_rules;
mod user_ref;

use std::io::Write;

use anyhow::Context;
use clap::Parser;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::definitions::Keys;
use crate::options::Options;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    start_logging();

    let keys = Keys::read(&options.definitions)?;
    options.check_folders()?;
    let router = site::router(&options, keys)?;

    let listener =
        TcpListener::bind(options.listen).await.with_context(|| format!("cannot listen on {}", options.listen))?;
    let address = listener.local_addr().context("the listener has no address")?;
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "whoever reaches this address can read every profile of the demo workspace");
    }
    announce(&format!("ready http://{address}"))?;

    shutdown::serve_until_signal(listener, router).await
}

/// Logs go to stderr: stdout belongs to the one line that says where the shop is.
fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Whoever started this process waits for the line, so it is flushed even when stdout is a pipe.
fn announce(line: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).context("cannot write to stdout")
}
