//! Serving until somebody asks to stop.

use std::future::Future;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Requests under way get this long to finish. A connection that stays open after it is cut.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until Ctrl-C or SIGTERM.
pub(crate) async fn serve_until_signal(listener: TcpListener, router: Router) -> anyhow::Result<()> {
    serve_until(listener, router, signal()?).await
}

/// Serves until `stop` completes, then lets the requests under way finish.
pub(crate) async fn serve_until(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let (stopping, stopped) = oneshot::channel();
    let serve = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        // Nobody listens any more when serving failed first.
        let _ = stopping.send(());
    });
    let grace_is_over = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(GRACE).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        result = serve => result.context("serving failed"),
        () = grace_is_over => {
            tracing::warn!("some connections were still open and are cut");
            Ok(())
        }
    }
}

/// Completes on Ctrl-C or SIGTERM. Handlers are in place when this returns, so that no signal is missed.
#[cfg(unix)]
fn signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Completes on Ctrl-C.
#[cfg(not(unix))]
fn signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
