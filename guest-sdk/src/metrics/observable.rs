//! Instruments that are read when the host collects metrics.

use core::marker::PhantomData;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::instrument::Declaration;
use super::meter::Meter;
use super::number::{CounterNumber, GaugeNumber, Measurement, UpDownCounterNumber};
use crate::backend::{Slot, meter};
use crate::types::{
    InstrumentHandle, InstrumentOf, KeyValue, Number, Observation, ObserverHandle, family,
};
use crate::{notice, unsigned};

thread_local! {
    static CALLBACKS: RefCell<Vec<Rc<dyn Fn()>>> = const { RefCell::new(Vec::new()) };
    static RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Registers a callback that reports observations. It is kept for the life of the instance.
pub(crate) fn register(callback: Rc<dyn Fn()>) {
    notice::on_collection(&notice::Observables { collect, ask });
    CALLBACKS.with_borrow_mut(|callbacks| callbacks.push(callback));
}

/// Reports one value of an observable instrument.
pub(crate) fn observe(instrument: InstrumentHandle, value: Number, attributes: &[KeyValue<'_>]) {
    let digits = unsigned::of(attributes);
    let lowered = unsigned::lowered(attributes, &digits);
    report(
        &[Observation {
            instrument,
            value,
            attributes: lowered.as_ref().map_or(attributes, |list| list),
        }],
        false,
    );
}

fn report(observations: &[Observation<'_>], complete: bool) {
    // One for each component. The host drops series that an observer leaves out of a round.
    static OBSERVER: Slot<ObserverHandle> = Slot::new();
    let observer = OBSERVER.get_or(meter::create_observer);
    notice::take(meter::observe(observer, observations, complete));
}

/// Asks the host for a notice with an empty report.
fn ask() {
    report(&[], false);
}

/// Runs the callbacks as one round. Does nothing within a callback, or during a panic, because
/// another panic would abort the program. If a callback panics, the round stays incomplete, and
/// earlier reports stay valid.
fn collect() {
    if std::thread::panicking() || RUNNING.replace(true) {
        return;
    }
    let _running = Running;
    notice::answered();
    // By index, because a callback may register another one. No callback is borrowed while it runs.
    let mut next = 0;
    while let Some(callback) = CALLBACKS.with_borrow(|all| all.get(next).cloned()) {
        callback();
        next += 1;
    }
    report(&[], true);
}

/// Marks callbacks as running until it is dropped. A guard, because a callback may panic.
struct Running;

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.set(false);
    }
}

/// Receives the observations of a callback.
#[derive(Debug)]
pub struct Observer<T> {
    instrument: InstrumentHandle,
    number: PhantomData<fn(T)>,
}

impl<T: Measurement> Observer<T> {
    /// Reports a value. For a counter or an up-down counter, it is the total so far, not the
    /// difference. A second value with equal attributes replaces the first one. Attribute sets that
    /// the callbacks no longer report have no data any more.
    pub fn observe(&self, value: T, attributes: &[KeyValue<'_>]) {
        observe(self.instrument, value.number(), attributes);
    }
}

macro_rules! observable {
    ($(#[$doc:meta])* $name:ident<$number:ident>) => {
        $(#[$doc])*
        ///
        /// It is constant: keep it in a `static`, and register one callback or several.
        #[derive(Debug)]
        pub struct $name<T: $number> {
            declaration: Declaration,
            number: PhantomData<fn(T)>,
        }

        impl<T: $number> $name<T> {
            /// Creates an instrument; see [`Counter::new`](crate::Counter::new) for the name.
            #[must_use]
            pub const fn new(meter: &'static Meter, name: &'static str) -> Self {
                Self { declaration: Declaration::new(meter, name), number: PhantomData }
            }

            /// Sets the unit, in UCUM notation such as `ms`, `By` or `{request}`; at most 63 ASCII
            /// characters.
            #[must_use]
            pub const fn with_unit(mut self, unit: &'static str) -> Self {
                self.declaration.unit = Some(unit);
                self
            }

            /// Sets a human-readable description.
            #[must_use]
            pub const fn with_description(mut self, description: &'static str) -> Self {
                self.declaration.description = Some(description);
                self
            }

            /// Registers a callback that reports the values.
            ///
            /// It runs on this thread: at the end of a span after the host has asked, in
            /// [`collect`](crate::collect), and when the outermost [`Guard`](crate::Guard) is
            /// dropped. Data may be borrowed at that time, so read from a `Cell` or an atomic, or
            /// use `try_borrow`.
            pub fn register(&self, callback: impl Fn(&Observer<T>) + 'static) {
                register_typed(self.declaration.handle(<T as InstrumentOf<family::$name>>::KIND), callback);
            }
        }
    };
}

fn register_typed<T: 'static>(
    instrument: InstrumentHandle,
    callback: impl Fn(&Observer<T>) + 'static,
) {
    let observer = Observer {
        instrument,
        number: PhantomData,
    };
    register(Rc::new(move || callback(&observer)));
}

observable! {
    /// Reports a sum that is kept elsewhere and only increases: page faults, CPU time.
    ObservableCounter<CounterNumber>
}
observable! {
    /// Reports a sum that is kept elsewhere and may decrease: the length of a queue.
    ObservableUpDownCounter<UpDownCounterNumber>
}
observable! {
    /// Reports a value that cannot be summed: a temperature, a ratio.
    ObservableGauge<GaugeNumber>
}

/// Removes the callbacks that were registered for another backend.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    CALLBACKS.take();
    RUNNING.set(false);
}
