//! Interruption of running guests and waiting host functions from another thread.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::engine::Interrupt;
use crate::error::{Trap, TrapCode};

/// The interruption state of a store. Clones share the state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interruption(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Changed under the lock, and read without it after each call of a host function.
    interrupted: AtomicBool,
    waiting: Mutex<Wakers>,
}

#[derive(Debug, Default)]
struct Wakers {
    /// The wakers, each with the number assigned when it was first polled.
    wakers: Vec<(u64, Waker)>,
    next: u64,
}

impl Wakers {
    /// Stores a waker under its number, or under a new one.
    fn keep(&mut self, number: Option<u64>, waker: &Waker) -> u64 {
        let mut kept = self.wakers.iter_mut();
        if let Some((number, kept)) = kept.find(|(kept, _)| Some(*kept) == number) {
            kept.clone_from(waker);
            return *number;
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.wakers.push((number, waker.clone()));
        number
    }
}

impl Interruption {
    fn waiting(&self) -> MutexGuard<'_, Wakers> {
        let waiting = &self.0.waiting;
        waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.interrupted.load(Ordering::Acquire)
    }

    /// Returns a trap if the store is interrupted.
    pub(crate) fn check(&self) -> Result<(), Trap> {
        match self.is_set() {
            false => Ok(()),
            true => Err(interrupted()),
        }
    }

    /// Clears the interruption. Calls `clear` to tell the engine, before another thread can
    /// interrupt it again.
    pub(crate) fn clear(&self, clear: impl FnOnce()) {
        let _waiting = self.waiting();
        if self.0.interrupted.swap(false, Ordering::AcqRel) {
            clear();
        }
    }
}

/// Makes the trap of an interrupted guest.
#[cold]
pub(crate) fn interrupted() -> Trap {
    Trap::new(TrapCode::Interrupt, "interrupt")
}

/// Interrupts the guests of a store, from any thread.
#[derive(Debug, Clone)]
pub struct InterruptHandle {
    engine: Arc<dyn Interrupt>,
    interruption: Interruption,
}

impl InterruptHandle {
    pub(crate) fn new(engine: Arc<dyn Interrupt>, interruption: &Interruption) -> Self {
        Self {
            engine,
            interruption: interruption.clone(),
        }
    }

    /// Stops the guest that runs in the store at its next branch or call, with
    /// [`TrapCode::Interrupt`]. Waiting host functions are woken and should fail. Later calls are
    /// stopped too, until [`Store::clear_interruption`](crate::Store::clear_interruption).
    pub fn interrupt(&self) {
        let wakers = {
            let mut waiting = self.interruption.waiting();
            let shared = &self.interruption.0;
            shared.interrupted.store(true, Ordering::Release);
            // Under the lock, so that a `clear` comes before or after both.
            self.engine.interrupt();
            std::mem::take(&mut waiting.wakers)
        };
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Returns whether the store is interrupted.
    pub fn is_interrupted(&self) -> bool {
        self.interruption.is_set()
    }

    /// Waits until the store is interrupted. Host functions can use it to wait for something else
    /// at the same time.
    pub fn interrupted(&self) -> Interrupted {
        Interrupted::new(&self.interruption)
    }
}

/// Waits until a store is interrupted.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Interrupted {
    interruption: Interruption,
    /// The number under which its waker is stored.
    number: Option<u64>,
}

impl Interrupted {
    pub(crate) fn new(interruption: &Interruption) -> Self {
        Self {
            interruption: interruption.clone(),
            number: None,
        }
    }
}

impl Future for Interrupted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.interruption.waiting();
        if self.interruption.is_set() {
            return Poll::Ready(());
        }
        let number = waiting.keep(self.number, cx.waker());
        drop(waiting);
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for Interrupted {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let mut waiting = self.interruption.waiting();
            waiting.wakers.retain(|(kept, _)| *kept != number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_wakes_its_waiters_and_drops_their_wakers() {
        let interruption = Interruption::default();
        let mut cx = Context::from_waker(Waker::noop());
        let mut first = Interrupted::new(&interruption);
        let mut second = Interrupted::new(&interruption);
        for _ in 0..3 {
            assert!(Pin::new(&mut first).poll(&mut cx).is_pending());
            assert!(Pin::new(&mut second).poll(&mut cx).is_pending());
            assert_eq!(interruption.waiting().wakers.len(), 2);
        }
        drop(first);
        assert_eq!(interruption.waiting().wakers.len(), 1);
        interruption.0.interrupted.store(true, Ordering::Release);
        assert!(Pin::new(&mut second).poll(&mut cx).is_ready());
        drop(second);
        assert!(interruption.waiting().wakers.is_empty());
    }
}
