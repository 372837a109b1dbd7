//! Accepts connections, and ends them when the server shuts down.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::admission::Admission;
use super::service::{Connection, Service};
use super::{Described, Handler, Limits, health};
use crate::{MIN_HEADER_BYTES, semaphore};

/// The pause after a failed accept, for example because there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long guests may take to end after they were stopped. Longer than a handler waits for them
/// before it gives them up.
const GRACE: Duration = Duration::from_secs(4);

/// The interval at which HTTP/2 connections are checked, and the time for the answer.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    health: Option<TcpListener>,
    service: Arc<Service>,
    connections: Arc<Semaphore>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Listens on an address. Port 0 selects a free port. Connections wait until
    /// [`serve`](Self::serve).
    ///
    /// # Errors
    ///
    /// Fails if the address cannot be used.
    pub async fn bind(
        address: SocketAddr,
        handler: Arc<dyn Handler>,
        described: Described,
        limits: Limits,
    ) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(address).await?,
            health: None,
            connections: semaphore(limits.connections),
            service: Arc::new(Service {
                handler,
                admission: Admission::new(&limits),
                limits,
                described,
                abort: CancellationToken::new(),
                is_draining: AtomicBool::new(false),
                guests: TaskTracker::new(),
            }),
        })
    }

    /// Answers probes on another address: `/livez`, and `/readyz` with 503 while the server shuts
    /// down or the component cannot be instantiated. Returns the address.
    ///
    /// # Errors
    ///
    /// Fails if the address cannot be used.
    pub async fn answer_probes(&mut self, address: SocketAddr) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        self.health.insert(listener).local_addr()
    }

    /// Returns the address on which it listens.
    ///
    /// # Errors
    ///
    /// Fails if the operating system does.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` ends. Then it accepts no more connections, and waits until the
    /// requests have ended, but no longer than [`Limits::shutdown`]. Requests that take longer are
    /// stopped.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Self {
            listener,
            health,
            service,
            connections,
        } = self;
        let _probes = health.map(|health| {
            let probes = tokio::spawn(health::serve(health, Arc::clone(&service)));
            AbortOnDropHandle::new(probes)
        });
        let graceful = GracefulShutdown::new();
        let tasks = TaskTracker::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = accept(&listener, &connections) => accepted,
            };
            if let Some((stream, client, permit)) = accepted {
                let watcher = graceful.watcher();
                let service = Arc::clone(&service);
                tasks.spawn(serve_connection(stream, client, permit, watcher, service));
            }
        }
        service.is_draining.store(true, Ordering::Relaxed);
        drop(listener);
        tasks.close();
        service.guests.close();
        let drained = async {
            graceful.shutdown().await;
            tasks.wait().await;
            service.guests.wait().await;
        };
        let limit = service.limits.shutdown;
        if tokio::time::timeout(limit, drained).await.is_err() {
            service.abort.cancel();
            let ended = async {
                service.guests.wait().await;
                tasks.wait().await;
            };
            // A guest that does not stop is left behind.
            let _ = tokio::time::timeout(GRACE, ended).await;
        }
        let _ = tokio::time::timeout(GRACE, service.handler.close()).await;
    }
}

/// Accepts a connection as soon as there may be another one.
pub(super) async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, client)) => Some((stream, client, permit)),
        Err(_) => {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    client: SocketAddr,
    _permit: OwnedSemaphorePermit,
    watcher: Watcher,
    service: Arc<Service>,
) {
    // Responses are small. If it fails, they are only sent later.
    let _ = stream.set_nodelay(true);
    let limits = &service.limits;
    let mut builder = Builder::new(TokioExecutor::new());
    let header_bytes = limits.header_bytes.max(MIN_HEADER_BYTES);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_buf_size(header_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX));
    let kill = CancellationToken::new();
    let open = Arc::new(());
    let answers = service_fn({
        let connection = Connection {
            client,
            kill: kill.clone(),
            open: Arc::clone(&open),
        };
        let service = Arc::clone(&service);
        move |request: http::Request<Incoming>| {
            let (service, connection) = (Arc::clone(&service), connection.clone());
            async move { Ok::<_, Infallible>(service.answer(request, &connection).await) }
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), answers);
    let connection = watcher.watch(connection.into_owned());
    tokio::select! {
        // The client learns of errors by itself.
        _ = connection => {}
        () = idle(&open, limits.header_read) => {}
        () = kill.cancelled() => {}
        () = aborted(&service) => {}
    }
}

/// Ends when a connection has had no request under way for this time. hyper has such a limit for
/// HTTP/1 only, from the first byte on.
async fn idle(open: &Arc<()>, limit: Duration) {
    /// Of the connection itself, and of the service that answers its requests.
    const AT_REST: usize = 2;
    let pause = (limit / 4).clamp(Duration::from_millis(10), Duration::from_secs(5));
    let mut since = Instant::now();
    loop {
        tokio::time::sleep(pause).await;
        if Arc::strong_count(open) > AT_REST {
            since = Instant::now();
        } else if since.elapsed() >= limit {
            return;
        }
    }
}

/// Requests at once of an HTTP/2 connection. Each may have up to 64 KiB in memory that the client
/// does not take.
const STREAMS: u32 = 100;

/// Ends some time after the requests were stopped, so that responses can break off themselves.
async fn aborted(service: &Service) {
    service.abort.cancelled().await;
    tokio::time::sleep(GRACE / 2).await;
}
