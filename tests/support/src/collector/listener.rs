//! A port that listens or refuses connections, and its connections.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::state::Shared;
use super::{grpc, http};

/// The number of connections that may wait to be accepted.
const BACKLOG: u32 = 128;

/// The protocol on a port.
#[derive(Clone, Copy, Debug)]
pub(super) enum Transport {
    Http,
    Grpc,
}

#[derive(Debug)]
enum Port {
    /// Bound, but not listening. The system refuses connections, and does not give the port to
    /// another program.
    Reserved(Option<TcpSocket>),
    Listening {
        task: JoinHandle<()>,
        /// Signals that the task, and with it the listening socket, has ended.
        gone: mpsc::Receiver<()>,
    },
}

pub(super) struct Listener {
    transport: Transport,
    tls: Option<TlsAcceptor>,
    address: SocketAddr,
    port: Mutex<Port>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener")
            .field("transport", &self.transport)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

fn reserve(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    // Earlier connections may still be in TIME_WAIT when the port is bound again.
    socket.set_reuseaddr(true).expect("SO_REUSEADDR");
    socket
        .bind(address)
        .unwrap_or_else(|error| panic!("cannot bind {address}: {error}"));
    socket
}

impl Listener {
    pub(super) fn bind(transport: Transport, tls: Option<TlsAcceptor>) -> Self {
        let socket = reserve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let address = socket.local_addr().expect("the address of a bound socket");
        let port = Mutex::new(Port::Reserved(Some(socket)));
        Self {
            transport,
            tls,
            address,
            port,
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts to listen, if not listening yet. Must be called in the context of the runtime.
    pub(super) fn listen(&self, shared: &Arc<Shared>) {
        let mut port = self.port.lock().unwrap_or_else(PoisonError::into_inner);
        let Port::Reserved(socket) = &mut *port else {
            return;
        };
        let socket = socket.take().unwrap_or_else(|| reserve(self.address));
        let listener = socket.listen(BACKLOG).expect("listening on a bound socket");
        let (alive, gone) = mpsc::channel();
        let accepting = accept(
            listener,
            self.transport,
            self.tls.clone(),
            Arc::clone(shared),
            alive,
        );
        *port = Port::Listening {
            task: tokio::spawn(accepting),
            gone,
        };
    }

    /// Stops listening and cuts all connections.
    pub(super) fn close(&self) {
        let mut port = self.port.lock().unwrap_or_else(PoisonError::into_inner);
        let Port::Listening { task, gone } = &*port else {
            return;
        };
        task.abort();
        // Never receives a value. The error means that the sender was dropped, which the task does
        // last.
        let _ = gone.recv();
        *port = Port::Reserved(Some(reserve(self.address)));
    }
}

async fn accept(
    listener: TcpListener,
    transport: Transport,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    alive: mpsc::Sender<()>,
) {
    // Locals are dropped in reverse order: the connections, then the listening socket, then the
    // sender.
    let _alive = alive;
    let listener = listener;
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A client may close a connection before it is accepted. That is no error.
                let Ok((stream, _)) = accepted else { continue };
                shared.connected();
                connections.spawn(connection(stream, transport, tls.clone(), Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(
    stream: TcpStream,
    transport: Transport,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
) {
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve(stream, transport, shared).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => serve(stream, transport, shared).await,
            Err(error) => shared.violation("", format!("TLS handshake failed: {error}")),
        },
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    transport: Transport,
    shared: Arc<Shared>,
) {
    let cut = Arc::new(Notify::new());
    let stream = TokioIo::new(stream);
    let server = auto::Builder::new(TokioExecutor::new());
    // The recorded requests show the result, so the error is not needed.
    match transport {
        Transport::Http => {
            let service = http::Service {
                shared,
                cut: Arc::clone(&cut),
            };
            tokio::select! {
                _ = server.serve_connection(stream, service) => {}
                () = cut.notified() => {}
            }
        }
        Transport::Grpc => {
            let server = server.http2_only();
            let service = grpc::Service::new(shared, Arc::clone(&cut));
            tokio::select! {
                _ = server.serve_connection(stream, service) => {}
                () = cut.notified() => {}
            }
        }
    }
}
