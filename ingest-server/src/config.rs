//! Configuration: flags, each also an environment variable.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use kindling_core::time::Duration;

use crate::store::StoreOptions;

/// Kindling: self-hosted customer engagement.
#[derive(Debug, Parser)]
#[command(name = "kindling", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    Serve(ServeConfig),
    /// Show the segments of a data directory, how many are in each, and how far new and changed ones are. The server may run meanwhile.
    Segments(SegmentsConfig),
}

/// Which segments to show.
#[derive(Debug, Clone, Args)]
pub struct SegmentsConfig {
    /// Directory of the database.
    #[arg(long, env = "KINDLING_DATA", default_value = "data", value_name = "DIR")]
    pub data: PathBuf,
}

/// How to run the server.
#[derive(Debug, Clone, Args)]
pub struct ServeConfig {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "KINDLING_LISTEN", default_value = "127.0.0.1:7575")]
    pub listen: SocketAddr,
    /// Directory of the database; made if it is missing.
    #[arg(long, env = "KINDLING_DATA", default_value = "data", value_name = "DIR")]
    pub data: PathBuf,
    /// File with a workspace's keys, segments and campaigns, applied at start.
    #[arg(long, env = "KINDLING_DEFINITIONS", value_name = "FILE")]
    pub definitions: Option<PathBuf>,
    /// Memory for users, in MiB. More of it means fewer reads from disk; nothing is lost with less.
    #[arg(long, env = "KINDLING_CACHE_MIB", default_value_t = 256, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub cache_mib: u32,
    /// How old a record may be when it arrives; an older one counts as having happened then.
    #[arg(long, env = "KINDLING_OLDEST_RECORD", default_value = "400d", value_name = "DURATION", value_parser = duration)]
    pub oldest_record: Duration,
    /// How long records are kept after they arrived; profiles keep what follows from them. Without it they are kept for ever.
    #[arg(long, env = "KINDLING_KEEP_RECORDS", value_name = "DURATION", value_parser = duration)]
    pub keep_records: Option<Duration>,
    /// How long the watermark of a stream is kept after its last flush. A device that sends again what it sent longer ago has it
    /// counted twice.
    #[arg(long, env = "KINDLING_KEEP_STREAMS", default_value = "400d", value_name = "DURATION", value_parser = duration)]
    pub keep_streams: Duration,
    /// How many open pages at most are told when something of their user changes elsewhere. Each holds a connection. 0: none are.
    #[arg(long, env = "KINDLING_LIVE_PAGES", default_value_t = 10_000, value_name = "PAGES")]
    pub live_pages: usize,
    /// How to write logs.
    #[arg(long, env = "KINDLING_LOG_FORMAT", default_value = "text", value_enum)]
    pub log_format: LogFormat,
}

/// The form of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object a line, for machines.
    Json,
}

impl ServeConfig {
    /// How the store is to work.
    pub fn store(&self) -> StoreOptions {
        StoreOptions {
            cache_bytes: self.cache_mib as usize * 1024 * 1024,
            oldest_record: self.oldest_record,
            keep_records: self.keep_records,
            keep_streams: self.keep_streams,
        }
    }
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    Duration::parse(text).ok_or("expected a whole number and a unit, like 90s, 30m, 12h, 400d or 52w")
}
