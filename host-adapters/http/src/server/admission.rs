//! Limits the requests that are handled at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;

/// Admits requests up to a number at once, and lets some wait.
#[derive(Debug)]
pub(super) struct Admission {
    running: Arc<Semaphore>,
    waiting: Semaphore,
    wait: Duration,
}

impl Admission {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            running: Arc::new(Semaphore::new(limits.requests)),
            waiting: Semaphore::new(limits.queue),
            wait: limits.queue_wait,
        }
    }

    /// Waits until a request may be handled. Returns `None` if too many wait already, or if it has
    /// waited too long.
    pub(super) async fn admit(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Some(permit);
        }
        let _waiting = self.waiting.try_acquire().ok()?;
        let running = Arc::clone(&self.running).acquire_owned();
        tokio::time::timeout(self.wait, running).await.ok()?.ok()
    }
}
