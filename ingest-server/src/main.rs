//! The `kindling` binary: reads the configuration, starts logging, runs the server.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use ingest_server::{
    Server,
    config::{Cli, Command, LogFormat, SegmentsConfig, ServeConfig},
    now, report, store, telemetry,
};
use tokio::{net::TcpListener, signal};
use tracing::{error, info};

/// Batches are decoded on one thread and let go of on another, which glibc's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(config) => {
            telemetry::start(config.log_format);
            run(&config)
        }
        Command::Segments(config) => {
            telemetry::start(LogFormat::Text);
            show_segments(&config)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // In one line, with all of its causes.
            error!("{failure:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: &ServeConfig) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config))
}

async fn serve(config: &ServeConfig) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen).await.with_context(|| format!("listening on {}", config.listen))?;
    let address = listener.local_addr()?;
    let server = Server::open(config).await?;
    info!(%address, data = %config.data.display(), "listening");
    announce(&format!("ready http://{address}"));
    server.serve(listener, stop_signal()).await
}

#[expect(clippy::print_stdout, reason = "this is the program's output")]
fn show_segments(config: &SegmentsConfig) -> anyhow::Result<()> {
    let workspaces = store::overview(&config.data).with_context(|| format!("reading {}", config.data.display()))?;
    print!("{}", report::segments(&workspaces, now()));
    Ok(())
}

/// The one line on standard output: whoever started the server waits for it and learns the port.
#[expect(clippy::print_stdout, reason = "this is the program's output")]
fn announce(line: &str) {
    println!("{line}");
}

/// Resolves when the process is asked to stop.
async fn stop_signal() {
    let interrupt = async {
        // Without a handler there is no way to be asked; then nothing resolves.
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
    info!("asked to stop");
}
