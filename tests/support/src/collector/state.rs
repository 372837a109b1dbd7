//! The state that connections share with the test.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::request::{Payload, Protocol, Request, Violation};
use super::script::{Answer, Reply};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) requests: Vec<Arc<Request>>,
    pub(super) accepted: Vec<Arc<Request>>,
    pub(super) violations: Vec<Violation>,
    pub(super) connections: usize,
    /// The replies for the next requests of any signal.
    pub(super) script: VecDeque<Reply>,
    /// The replies for the next requests of each signal.
    pub(super) scripts: [VecDeque<Reply>; 3],
    pub(super) default_reply: Reply,
    /// The largest accepted size of a request in bytes.
    pub(super) largest: Option<usize>,
    /// Incremented by each change, so that a waiting test misses none.
    generation: u64,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads or changes the state. `use_it` must not call methods of this type, which would
    /// deadlock.
    pub(super) fn with<T>(&self, use_it: impl FnOnce(&mut State) -> T) -> T {
        use_it(&mut self.lock())
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        state.generation += 1;
        drop(state);
        self.changed.notify_all();
        result
    }

    pub(super) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Waits until the state has changed since `generation`, for at most `timeout`.
    pub(super) fn wait_for_change(&self, generation: u64, timeout: Duration) {
        let state = self.lock();
        let waited = self
            .changed
            .wait_timeout_while(state, timeout, |state| state.generation == generation);
        drop(waited);
    }

    pub(super) fn connected(&self) {
        self.change(|state| state.connections += 1);
    }

    pub(super) fn violation(&self, path: &str, problem: impl Into<String>) {
        let violation = Violation {
            path: path.to_owned(),
            problem: problem.into(),
        };
        self.change(|state| state.violations.push(violation));
    }

    /// Records a request and carries out its scripted reply, including delays.
    pub(super) async fn receive(
        &self,
        protocol: Protocol,
        headers: Vec<(String, String)>,
        payload: Payload,
        size: usize,
    ) -> Answer {
        let (request, largest) = self.change(|state| {
            let largest = state.largest.filter(|largest| size > *largest);
            let reply = state.scripts[payload.signal() as usize]
                .pop_front()
                .or_else(|| state.script.pop_front())
                .unwrap_or_else(|| state.default_reply.clone());
            let reply = largest.map_or(reply, |_| Reply::status(400));
            let request = Arc::new(Request {
                protocol,
                headers,
                payload,
                size,
                reply,
                at: Instant::now(),
            });
            state.requests.push(Arc::clone(&request));
            (request, largest)
        });
        if let Some(largest) = largest {
            return Answer::TooLarge { size, largest };
        }
        let partial = match &request.reply {
            Reply::Accept => None,
            Reply::PartialSuccess { rejected, message } => Some((*rejected, message.clone())),
            Reply::Status { code, retry_after } => {
                return Answer::Rejected {
                    code: *code,
                    retry_after: *retry_after,
                };
            }
            Reply::Slow(delay) => {
                tokio::time::sleep(*delay).await;
                None
            }
            Reply::Never => std::future::pending().await,
            Reply::Disconnect => return Answer::Disconnected,
        };
        self.change(|state| state.accepted.push(Arc::clone(&request)));
        Answer::Accepted(partial)
    }
}
