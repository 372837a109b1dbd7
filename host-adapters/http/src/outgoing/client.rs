//! The client that sends the requests of all guests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::uri::Authority;
use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::RootCertStore;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{RequestOptions, WasiBody};

use super::body::{Drain, Progress, RequestBody, ResponseBody};
use super::connect::{Connector, Tcp};
use super::exchange::Exchange;
use super::failure;
use super::limits::Limits;
use super::look_up::LookUp;
use super::policy::Policy;
use super::refusal::{Refusal, RefusalReason, Refusals};
use super::target::Target;
use super::tls::Tls;
use crate::head::version;
use crate::{MIN_HEADER_BYTES, semaphore};

/// A client for the requests of all guests of a process. It keeps connections open, and uses them
/// again.
///
/// It speaks HTTP/1.1, and HTTP/2 if both sides agree on it in TLS. It follows no redirects, and
/// uses no proxy. Cloning it is cheap: all clones share the connections.
#[derive(Debug, Clone)]
pub struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    policy: Arc<Policy>,
    limits: Limits,
    refusals: Refusals,
    pool: Pool<Connector, RequestBody>,
    requests: Arc<Semaphore>,
    hosts: Hosts,
    /// The runtime on which connections live.
    runtime: OnceLock<Handle>,
}

/// The longest timeout. Much longer ones exceed the range of clocks.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The settings of a [`Client`].
#[derive(Debug, Default)]
pub struct ClientBuilder {
    policy: Policy,
    limits: Limits,
    refusals: Refusals,
    authorities: Option<RootCertStore>,
    look_up: Option<LookUp>,
}

impl ClientBuilder {
    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the authorities that TLS trusts. By default, they are the system's.
    #[must_use]
    pub fn authorities(mut self, authorities: RootCertStore) -> Self {
        self.authorities = Some(authorities);
        self
    }

    /// Sets a function that is called once for each destination that is refused, up to 16. It must
    /// not block for long.
    #[must_use]
    pub fn on_refusal(mut self, report: impl Fn(&Refusal) + Send + Sync + 'static) -> Self {
        self.refusals = Refusals::to(Arc::new(report));
        self
    }

    /// Replaces the system's look-up of names.
    #[cfg(test)]
    pub(super) fn look_up(mut self, look_up: LookUp) -> Self {
        self.look_up = Some(look_up);
        self
    }

    /// Creates the client. It connects and reads nothing yet.
    #[must_use]
    pub fn build(self) -> Client {
        let mut limits = self.limits;
        limits.longest_timeout = limits.longest_timeout.min(LONGEST);
        let policy = Arc::new(self.policy);
        let system = || LookUp::by_system(limits.look_ups, limits.look_up);
        let connector = Connector {
            tcp: Tcp {
                policy: Arc::clone(&policy),
                look_up: self.look_up.unwrap_or_else(system),
                connections: semaphore(limits.connections),
                waiting: semaphore(limits.requests.saturating_mul(10)),
                wait: limits.connect,
            },
            tls: Arc::new(Tls::new(self.authorities)),
            timeout: limits.longest_timeout,
        };
        let header_bytes = u32::try_from(limits.header_bytes).unwrap_or(u32::MAX);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(limits.idle)
            .pool_max_idle_per_host(limits.idle_per_host)
            .http1_max_buf_size(limits.header_bytes.max(MIN_HEADER_BYTES))
            .http2_max_header_list_size(header_bytes)
            .build(connector);
        Client(Arc::new(Shared {
            requests: semaphore(limits.requests),
            hosts: Hosts::default(),
            refusals: self.refusals,
            runtime: OnceLock::new(),
            policy,
            limits,
            pool,
        }))
    }
}

impl Client {
    /// Starts the settings of a client that sends the requests that a policy allows.
    pub fn builder(policy: Policy) -> ClientBuilder {
        ClientBuilder {
            policy,
            ..ClientBuilder::default()
        }
    }

    /// Sets the Tokio runtime on which connections live, once. It must have I/O and time enabled.
    /// By default it is the runtime in which the first request is sent, so set it if guests have
    /// runtimes of their own.
    pub fn run_on(&self, runtime: Handle) {
        // A second one would break the connections that exist.
        let _ = self.0.runtime.set(runtime);
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.0.policy
    }

    #[cfg(test)]
    pub(super) fn has_capacity(&self) -> bool {
        self.0.requests.available_permits() > 0
    }

    /// Reports that a destination is refused.
    pub(super) fn refuse(&self, target: &Target, reason: RefusalReason) {
        self.0.refusals.add(target, reason);
    }

    /// Reads the body of a request that is refused, so that the guest gets the reason instead of an
    /// error about a closed stream.
    pub(super) fn discard(&self, body: WasiBody) {
        if let (Some(runtime), Ok(permit)) = (self.0.runtime(), self.0.admit()) {
            let drain = self.0.drain(runtime, permit);
            drop(RequestBody::new(body, Arc::new(Progress::new()), drain));
        }
    }

    /// Starts to send a request that the policy allows. Dropping the future aborts it.
    pub(super) fn send(
        &self,
        target: Target,
        request: Request<WasiBody>,
        options: RequestOptions,
        exchange: Exchange,
    ) -> impl Future<Output = Result<Response<WasiBody>, ErrorCode>> + Send + use<> {
        let started = self.start(target, request, options, exchange);
        async move {
            match started?.await {
                Ok(result) => result,
                Err(_panicked_or_shut_down) => Err(ErrorCode::InternalError(None)),
            }
        }
    }

    fn start(
        &self,
        target: Target,
        request: Request<WasiBody>,
        options: RequestOptions,
        exchange: Exchange,
    ) -> Result<AbortOnDropHandle<Result<Response<WasiBody>, ErrorCode>>, ErrorCode> {
        let shared = Arc::clone(&self.0);
        let Some(runtime) = shared.runtime() else {
            let code = ErrorCode::InternalError(None);
            exchange.fail(&code);
            return Err(code);
        };
        let permit = match shared.admit() {
            Ok(permit) => permit,
            Err(code) => {
                exchange.fail(&code);
                return Err(code);
            }
        };
        exchange.count(Arc::clone(&permit));
        let progress = Arc::new(Progress::new());
        let drain = shared.drain(runtime.clone(), permit);
        let request = without_credentials(request)
            .map(|body| RequestBody::new(body, Arc::clone(&progress), drain));
        // On the client's runtime, because connections must outlive the guest's.
        let task = runtime.spawn(async move {
            let times = Times::new(&shared.limits, options);
            match shared
                .request(&target, request, &times, &progress, &exchange)
                .await
            {
                Ok(response) => Ok(response.map(|body| {
                    ResponseBody::new(body, exchange, times.between_bytes).boxed_unsync()
                })),
                Err(code) => {
                    exchange.fail(&code);
                    Err(code)
                }
            }
        });
        Ok(AbortOnDropHandle::new(task))
    }
}

/// The timeouts of a request.
struct Times {
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Times {
    fn new(limits: &Limits, options: RequestOptions) -> Self {
        let of = |option: Option<Duration>, default| {
            option.unwrap_or(default).min(limits.longest_timeout)
        };
        Self {
            connect: of(options.connect_timeout, limits.connect),
            first_byte: of(options.first_byte_timeout, limits.first_byte),
            between_bytes: of(options.between_bytes_timeout, limits.between_bytes),
        }
    }
}

impl Shared {
    fn runtime(&self) -> Option<Handle> {
        if let Some(runtime) = self.runtime.get() {
            return Some(runtime.clone());
        }
        let current = Handle::try_current().ok()?;
        Some(self.runtime.get_or_init(|| current).clone())
    }

    /// Counts a request.
    fn admit(&self) -> Result<Arc<OwnedSemaphorePermit>, ErrorCode> {
        let permit = Arc::clone(&self.requests).try_acquire_owned();
        permit
            .map(Arc::new)
            .map_err(|_too_many| ErrorCode::ConnectionLimitReached)
    }

    fn drain(&self, runtime: Handle, permit: Arc<OwnedSemaphorePermit>) -> Drain {
        Drain {
            runtime,
            bytes: self.limits.unsent_bytes,
            time: self.limits.unsent,
            permit,
        }
    }

    /// Sends a request, and waits for the head of its response.
    async fn request(
        &self,
        target: &Target,
        mut request: Request<RequestBody>,
        times: &Times,
        progress: &Progress,
        exchange: &Exchange,
    ) -> Result<Response<hyper::body::Incoming>, ErrorCode> {
        let connect_until = Instant::now() + times.connect;
        let permit = self.hosts.admit(target, self.limits.requests_per_host);
        match tokio::time::timeout_at(connect_until, permit).await {
            Ok(Some(permit)) => exchange.count_for_host(permit),
            Ok(None) | Err(_) => return Err(ErrorCode::ConnectionLimitReached),
        }
        let mut captured = capture_connection(&mut request);
        let connected = async move {
            captured.wait_for_connection_metadata().await;
        };
        let mut response = std::pin::pin!(self.pool.request(request));
        let result = tokio::select! {
            biased;
            result = &mut response => Some(result),
            () = connected => None,
            () = tokio::time::sleep_until(connect_until) => {
                return Err(ErrorCode::ConnectionTimeout);
            }
        };
        progress.note();
        let result = match result {
            Some(result) => result,
            None => loop {
                let deadline = progress.deadline(times.first_byte);
                tokio::select! {
                    biased;
                    result = &mut response => break result,
                    () = tokio::time::sleep_until(deadline) => {
                        // Unless a piece was sent meanwhile.
                        if progress.deadline(times.first_byte) <= Instant::now() {
                            return Err(ErrorCode::ConnectionReadTimeout);
                        }
                    }
                }
            },
        };
        let response = result.map_err(|error| {
            if let Some(address) = failure::prohibited(&error) {
                let reason = RefusalReason::PrivateAddress(address);
                self.refusals.add(target, reason);
            }
            failure::of_client(&error)
        })?;
        exchange.set_response(response.status().as_u16(), version(response.version()));
        Ok(response)
    }
}

/// Removes a user and password from the URL: they are not part of a request, and would separate
/// connections.
fn without_credentials<B>(mut request: Request<B>) -> Request<B> {
    let authority = request.uri().authority().map(Authority::as_str);
    let Some((_, host)) = authority.and_then(|authority| authority.rsplit_once('@')) else {
        return request;
    };
    let mut parts = request.uri().clone().into_parts();
    parts.authority = host.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// The requests under way to each host.
#[derive(Debug, Default)]
struct Hosts(Mutex<HashMap<Target, Arc<Semaphore>>>);

impl Hosts {
    /// Waits until another request may be under way.
    async fn admit(&self, target: &Target, most: usize) -> Option<OwnedSemaphorePermit> {
        let host = {
            let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match hosts.get(target) {
                Some(host) => Arc::clone(host),
                None => {
                    // Only those in use remain, so there are at most as many as requests.
                    hosts.retain(|_, host| Arc::strong_count(host) > 1);
                    let host = semaphore(most);
                    hosts.insert(target.clone(), Arc::clone(&host));
                    host
                }
            }
        };
        host.acquire_owned().await.ok()
    }
}
