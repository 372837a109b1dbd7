//! A client for loads that need no accurate times. Needs no other program.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::{Measured, PATH};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Counts the requests of a load while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    answered: AtomicU64,
    failed: AtomicU64,
    first_failure: OnceLock<String>,
}

impl Progress {
    /// Returns the number of requests that were answered with status 200 and a complete body.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Returns the number of other requests.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Checks that no request has failed.
    ///
    /// # Errors
    ///
    /// Returns the number of failed requests, and the first failure.
    pub fn check(&self) -> Result<()> {
        let why = self.first_failure.get().map_or("", String::as_str);
        ensure!(
            self.failed() == 0,
            "{} of {} requests failed; the first one: {why}",
            self.failed(),
            self.failed() + self.answered()
        );
        Ok(())
    }
}

/// Sends requests one after another on each of some connections, while `goes_on` returns true. It
/// gets the number of requests that have ended.
///
/// # Errors
///
/// If a task panics. Failures of requests are counted.
pub async fn load(
    address: SocketAddr,
    connections: usize,
    progress: &Arc<Progress>,
    goes_on: impl Fn(u64) -> bool + Clone + Send + 'static,
) -> Result<Measured> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(connection(address, Arc::clone(progress), goes_on.clone()));
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done?);
    }
    latencies.sort_unstable();
    let requests = latencies.len() as u64;
    let at = |part: f64| {
        let index = part * requests.saturating_sub(1) as f64;
        latencies
            .get(index.round() as usize)
            .copied()
            .unwrap_or_default()
    };
    Ok(Measured {
        requests,
        rate: requests as f64 / start.elapsed().as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
    })
}

/// Returns the latencies of the latest requests that were answered.
async fn connection(
    address: SocketAddr,
    progress: Arc<Progress>,
    goes_on: impl Fn(u64) -> bool,
) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let mut open = None;
    while goes_on(progress.answered() + progress.failed()) {
        let start = Instant::now();
        let asked = tokio::time::timeout(PATIENCE, ask(address, &mut open)).await;
        match asked.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {PATIENCE:?}"))) {
            Ok(()) => {
                progress.answered.fetch_add(1, Ordering::Relaxed);
                if latencies.len() < KEPT {
                    latencies.push(start.elapsed());
                }
            }
            Err(error) => {
                open = None;
                progress.failed.fetch_add(1, Ordering::Relaxed);
                let _ = progress.first_failure.set(format!("{error:#}"));
            }
        }
    }
    latencies
}

/// The number of latencies that a connection keeps, so that a long load takes no memory.
const KEPT: usize = 100_000;

type Connection = SendRequest<Empty<Bytes>>;

/// Sends a request, and reads the answer. Opens a connection if there is none.
async fn ask(address: SocketAddr, open: &mut Option<Connection>) -> Result<()> {
    let connection = match open {
        Some(connection) => connection,
        None => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (sender, driver) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(driver);
            open.insert(sender)
        }
    };
    let request = Request::get(PATH)
        .header("host", "localhost")
        .body(Empty::new())?;
    connection.ready().await?;
    let answer = connection.send_request(request).await?;
    let status = answer.status();
    answer.into_body().collect().await?;
    ensure!(status == StatusCode::OK, "{status}");
    Ok(())
}
