//! Instances that are ready for requests: some that were made ahead, and some that are used again.

use super::thread::GRACE;
use crate::args::ServerOptions;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use wasmscope_http::server::Call;
use wasmscope_telemetry::{HostSpan, Outcome};
use wasmtime_wasi::ResourceTable;

/// Makes instances on a runtime.
pub(super) trait Maker: Send + Sync + 'static {
    /// An instance in its own store.
    type Instance: InStore;

    /// Makes an instance.
    ///
    /// # Errors
    ///
    /// Returns the outcome if the component cannot be instantiated.
    fn make(&self) -> impl Future<Output = Result<Self::Instance, Outcome>> + Send;
}

/// An instance in its own store.
pub(super) trait InStore: Send + 'static {
    /// Returns the resources of the guest.
    fn resources(&mut self) -> &mut ResourceTable;
}

/// Instances of one component. Clones share them.
pub(super) struct Instances<M: Maker>(Arc<Shared<M>>);

impl<M: Maker> Clone for Instances<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Shared<M: Maker> {
    maker: M,
    /// The number of instances to make ahead.
    ahead: usize,
    /// The number of requests for one instance.
    uses: usize,
    /// The time after which an instance that could be used again ends.
    idle: Duration,
    /// The longest time to make one.
    limit: Duration,
    ready: Mutex<Ready<M::Instance>>,
    /// Whether the last attempt to make an instance failed, or none was made yet.
    fails: AtomicBool,
    /// Notified when an instance that was made ahead is taken.
    taken: Notify,
    /// The task that makes instances ahead.
    making: Mutex<Option<JoinHandle<()>>>,
    is_closed: AtomicBool,
}

struct Ready<I> {
    /// Made ahead.
    unused: Vec<I>,
    /// The latest is the last.
    used: VecDeque<Idle<I>>,
}

impl<I> Ready<I> {
    fn new() -> Self {
        Self {
            unused: Vec::new(),
            used: VecDeque::new(),
        }
    }
}

struct Idle<I> {
    instance: I,
    uses: usize,
    since: Instant,
}

/// An instance for one request.
pub(super) struct Taken<I> {
    pub(super) instance: I,
    /// The requests that it has handled before.
    uses: usize,
}

/// The pause after a failed attempt to make an instance ahead. Requests fail with the same error.
const RETRY: Duration = Duration::from_millis(500);

impl<M: Maker> Instances<M> {
    /// Begins to make instances ahead. Call it in a Tokio runtime.
    pub(super) fn new(maker: M, options: &ServerOptions) -> Self {
        let uses = options.max_instance_reuse;
        let instances = Self(Arc::new(Shared {
            maker,
            ahead: options.spare_instances,
            uses,
            idle: options.idle_instance_timeout,
            limit: options.timeout,
            ready: Mutex::new(Ready::new()),
            fails: AtomicBool::new(true),
            taken: Notify::new(),
            making: Mutex::new(None),
            is_closed: AtomicBool::new(false),
        }));
        let making = tokio::spawn(instances.clone().make_ahead());
        *instances.making() = Some(making);
        if uses > 1 {
            tokio::spawn(instances.clone().end_idle());
        }
        instances
    }

    /// Takes an instance: one that was used, one that was made ahead, or a new one.
    ///
    /// # Errors
    ///
    /// Returns the outcome if a new one cannot be made.
    async fn take(&self) -> Result<Taken<M::Instance>, Outcome> {
        let (found, was_ahead) = {
            let mut ready = self.ready();
            match ready.used.pop_back() {
                Some(Idle { instance, uses, .. }) => (Some(Taken { instance, uses }), false),
                None => {
                    let unused = ready.unused.pop();
                    (unused.map(|instance| Taken { instance, uses: 0 }), true)
                }
            }
        };
        if was_ahead {
            self.0.taken.notify_one();
        }
        match found {
            Some(taken) => Ok(taken),
            None => Ok(Taken {
                instance: self.make().await?,
                uses: 0,
            }),
        }
    }

    /// Takes an instance for a call. Ends the call and returns `None` if there is none, or if the
    /// call has to stop before.
    pub(super) async fn take_for(&self, call: Call) -> Option<(Taken<M::Instance>, Call)> {
        let taken = tokio::select! {
            taken = self.take() => taken,
            reason = call.stop().stopped() => Err(reason.outcome()),
        };
        match taken {
            Ok(taken) => Some((taken, call)),
            Err(outcome) => {
                let span = call.take_span();
                call.finish(span, &outcome, ResourceTable::new());
                None
            }
        }
    }

    /// Ends a call. Keeps the instance for another one after a success, if it may handle more and
    /// has kept no resource.
    pub(super) fn finish(
        &self,
        mut taken: Taken<M::Instance>,
        call: Call,
        span: Option<HostSpan>,
        outcome: &Outcome,
    ) {
        let resources = taken.instance.resources();
        let can_be_used_again = *outcome == Outcome::Ok
            && resources.is_empty()
            && taken.uses.saturating_add(1) < self.0.uses
            // Last, because the guest cannot be stopped after it.
            && call.stop().close();
        let resources = std::mem::take(resources);
        // Before the request ends, so that the next one finds it.
        if can_be_used_again {
            self.keep(taken);
        }
        call.finish(span, outcome, resources);
    }

    async fn make(&self) -> Result<M::Instance, Outcome> {
        let made = tokio::time::timeout(self.0.limit, self.0.maker.make()).await;
        let made = made.unwrap_or(Err(Outcome::Timeout));
        self.0.fails.store(made.is_err(), Ordering::Relaxed);
        if made.is_err() {
            // Another attempt shows when it is possible again.
            self.0.taken.notify_one();
        }
        made
    }

    /// Returns whether the last attempt to make an instance succeeded.
    pub(super) fn are_made(&self) -> bool {
        !self.0.fails.load(Ordering::Relaxed)
    }

    /// Keeps an instance for another request.
    fn keep(&self, taken: Taken<M::Instance>) {
        let idle = Idle {
            instance: taken.instance,
            uses: taken.uses.saturating_add(1),
            since: Instant::now(),
        };
        self.ready().used.push_back(idle);
    }

    fn ready(&self) -> MutexGuard<'_, Ready<M::Instance>> {
        self.0.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_unused(&self, instance: M::Instance) {
        let mut ready = self.ready();
        if ready.unused.len() < self.0.ahead {
            ready.unused.push(instance);
        }
    }

    fn making(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.0.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes instances ahead until [`close`](Self::close). Without any to be made ahead, it makes
    /// one at the start and after a failure, to find out whether that is possible.
    async fn make_ahead(self) {
        while !self.0.is_closed.load(Ordering::Relaxed) {
            if self.ready().unused.len() >= self.0.ahead && self.are_made() {
                self.0.taken.notified().await;
                continue;
            }
            match self.make().await {
                Ok(instance) => self.add_unused(instance),
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
    }

    async fn end_idle(self) {
        // Often enough for a short timeout, and seldom enough for a long one.
        let pause = (self.0.idle / 2).clamp(Duration::from_millis(10), Duration::from_secs(1));
        loop {
            tokio::time::sleep(pause).await;
            let idle = self.0.idle;
            let mut ended = Vec::new();
            {
                let mut ready = self.ready();
                let is_over = |idle_one: &mut Idle<_>| idle_one.since.elapsed() >= idle;
                while let Some(one) = ready.used.pop_front_if(is_over) {
                    ended.push(one);
                }
            }
            // Without the lock: to end an instance takes time.
            drop(ended);
        }
    }

    /// Ends all instances, so that the last export of metrics does not count them. Waits for one
    /// that is just being made, but not long.
    pub(super) async fn close(self) {
        self.0.is_closed.store(true, Ordering::Relaxed);
        self.0.taken.notify_one();
        let making = self.making().take();
        if let Some(mut making) = making
            && tokio::time::timeout(GRACE, &mut making).await.is_err()
        {
            making.abort();
        }
        let ended = std::mem::replace(&mut *self.ready(), Ready::new());
        drop(ended);
    }
}
