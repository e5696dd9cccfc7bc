//! Logs. They go to standard error, and never contain bodies, keys, e-mail addresses or other things about people.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::LogFormat;

/// Starts logging. `RUST_LOG` chooses what; the default is `info`.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        // A line that can't be written, because the disk of the log is full, is lost. Else it would be reported on standard error,
        // which panics when that can't be written either.
        .log_internal_errors(false);
    let started = match format {
        LogFormat::Text => builder.compact().with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    // Somebody else logs already, in tests: theirs is as good.
    let _ = started;
}
