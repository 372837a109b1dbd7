//! Connects to destinations that are allowed.

use std::future::{Ready, ready};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

use super::failure::NoConnection;
use super::look_up::LookUp;
use super::policy::Policy;
use super::target::{Host, Scheme, Target};
use super::tls::Tls;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Makes the connections of a client's pool.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    pub(super) tcp: Tcp,
    pub(super) tls: Arc<Tls>,
    /// How long connecting may take. The pool lets it continue if a request takes another
    /// connection meanwhile, or gives up.
    pub(super) timeout: Duration,
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Counted>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let mut tcp = self.tcp.clone();
        let tls = Arc::clone(&self.tls);
        let timeout = self.timeout;
        let connecting = async move {
            let target = Target::of(&uri).ok_or(NoConnection::InvalidHost)?;
            match target.scheme {
                Scheme::Http => Ok(MaybeHttpsStream::Http(tcp.call(uri).await?)),
                Scheme::Https => {
                    let config = tls.config().await?;
                    HttpsConnector::from((tcp, config)).call(uri).await
                }
            }
        };
        Box::pin(async move {
            let connected = tokio::time::timeout(timeout, connecting).await;
            connected
                .unwrap_or_else(|_elapsed| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
        })
    }
}

/// Makes TCP connections, up to a number.
#[derive(Debug, Clone)]
pub(super) struct Tcp {
    pub(super) policy: Arc<Policy>,
    pub(super) look_up: LookUp,
    pub(super) connections: Arc<Semaphore>,
    /// Bounds those that wait for another connection to be closed. The pool lets them wait even if
    /// their request takes another connection meanwhile.
    pub(super) waiting: Arc<Semaphore>,
    pub(super) wait: Duration,
}

impl Tcp {
    /// Waits until there may be another connection.
    async fn admit(&self) -> Result<OwnedSemaphorePermit, NoConnection> {
        if let Ok(permit) = Arc::clone(&self.connections).try_acquire_owned() {
            return Ok(permit);
        }
        let waiting = self.waiting.try_acquire();
        let _waiting = waiting.map_err(|_too_many_wait| NoConnection::TooMany)?;
        let permit = Arc::clone(&self.connections).acquire_owned();
        match tokio::time::timeout(self.wait, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(NoConnection::TooMany),
        }
    }
}

impl Service<Uri> for Tcp {
    type Response = Counted;
    type Error = BoxError;
    type Future = Connecting<Counted>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let tcp = self.clone();
        Box::pin(async move {
            let target = Target::of(&uri).ok_or(NoConnection::InvalidHost)?;
            let addresses = match &target.host {
                Host::Address(address) => vec![SocketAddr::new(*address, target.port)],
                Host::Name(name) => tcp.look_up.resolve(name.clone(), target.port).await?,
            };
            let first = addresses.first().ok_or(NoConnection::NoAddress)?.ip();
            let allowed: Vec<_> = addresses
                .into_iter()
                .filter(|address| tcp.policy.allows_address(&target, address.ip()))
                .collect();
            if allowed.is_empty() {
                return Err(NoConnection::Prohibited(first).into());
            }
            let permit = tcp.admit().await?;
            // It connects to exactly these addresses: an address in the URL is not resolved.
            let mut http = HttpConnector::new_with_resolver(Resolved(allowed));
            http.enforce_http(false);
            http.set_nodelay(true);
            Ok(Counted {
                stream: http.call(uri).await?,
                _permit: permit,
            })
        })
    }
}

/// The addresses of a name.
#[derive(Debug, Clone)]
struct Resolved(Vec<SocketAddr>);

impl Service<Name> for Resolved {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        ready(Ok(std::mem::take(&mut self.0).into_iter()))
    }
}

/// A connection that counts as open until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    stream: TokioIo<TcpStream>,
    _permit: OwnedSemaphorePermit,
}

impl Connection for Counted {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl Read for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }
}
