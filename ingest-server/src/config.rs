//! Configuration: flags, each also an environment variable.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

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
