//! The load: a fixed number of connections, each with one request under way.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::bodies::Template;

/// What is sent, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) connections: usize,
    pub(crate) users: u64,
    pub(crate) until: Until,
}

/// When to stop sending.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// After this time.
    Elapsed(Duration),
    /// After so many requests.
    Sent(u64),
}

/// What came of a round.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub(crate) requests: u64,
    elapsed: Duration,
    /// What the server worked, in microseconds of one core.
    pub(crate) server_us: u64,
    /// Ascending.
    latencies: Vec<u32>,
}

impl Measured {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    pub(crate) fn requests_per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// What the server worked on a request, in microseconds of one core.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    pub(crate) fn server_us_per_request(&self) -> f64 {
        self.server_us as f64 / self.requests.max(1) as f64
    }

    /// A latency in milliseconds; `share` from 0 to 1.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    pub(crate) fn percentile_ms(&self, share: f64) -> f64 {
        let place = ((self.latencies.len() as f64 * share) as usize).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(place).map_or(0.0, |us| f64::from(*us) / 1_000.0)
    }
}

/// Sends for the plan's time. `first` is the number of requests that were sent before: users take turns, so it says which user
/// is next and which of their flushes it is.
pub(crate) async fn run(address: SocketAddr, plan: &Plan, first: u64) -> anyhow::Result<Measured> {
    let next = Arc::new(AtomicU64::new(first));
    let started = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..plan.connections {
        let (plan, next) = (plan.clone(), Arc::clone(&next));
        tasks.push(tokio::spawn(connection(address, plan, next, started)));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let elapsed = started.elapsed();
    latencies.sort_unstable();
    Ok(Measured { requests: latencies.len() as u64, elapsed, server_us: 0, latencies })
}

async fn connection(
    address: SocketAddr,
    plan: Plan,
    next: Arc<AtomicU64>,
    started: Instant,
) -> anyhow::Result<Vec<u32>> {
    let mut stream = TcpStream::connect(address).await.context("connecting")?;
    stream.set_nodelay(true)?;
    let mut template = Template::new();
    let mut buffer = Vec::with_capacity(16 * 1024);
    let mut latencies = Vec::with_capacity(64 * 1024);
    let first = next.load(Ordering::Relaxed);
    loop {
        if matches!(plan.until, Until::Elapsed(duration) if started.elapsed() >= duration) {
            break;
        }
        let number = next.fetch_add(1, Ordering::Relaxed);
        if matches!(plan.until, Until::Sent(requests) if number - first >= requests) {
            break;
        }
        let request = template.fill(number % plan.users, number / plan.users, now_ms());
        let sent = Instant::now();
        stream.write_all(request).await?;
        answer(&mut stream, &mut buffer).await?;
        latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(latencies)
}

fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or_default()
}

/// Reads one answer, which must be a success.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end])?;
        if !head.starts_with("HTTP/1.1 200") {
            bail!("not a success: {}", String::from_utf8_lossy(buffer));
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let whole = end + 4 + length.context("an answer without a length")?;
        while buffer.len() < whole {
            if stream.read_buf(buffer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
        return Ok(());
    }
}
