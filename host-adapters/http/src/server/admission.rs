//! Limits the requests that are handled at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Limits;
use crate::semaphore;

/// Admits requests up to a number at once, and lets some wait.
#[derive(Debug)]
pub(super) struct Admission {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    wait: Duration,
}

impl Admission {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            running: semaphore(limits.requests),
            waiting: semaphore(limits.queue),
            wait: limits.queue_wait,
        }
    }

    /// Waits until a request may be handled. Returns `None` if too many wait already, or if it has
    /// waited too long, at most until the deadline.
    pub(super) async fn admit(&self, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Some(permit);
        }
        let _waiting = self.waiting.try_acquire().ok()?;
        let running = Arc::clone(&self.running).acquire_owned();
        let until = deadline.min(Instant::now() + self.wait);
        tokio::time::timeout_at(until, running).await.ok()?.ok()
    }
}
