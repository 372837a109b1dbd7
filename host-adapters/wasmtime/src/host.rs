//! What every host function does around the telemetry core.

use std::panic::{AssertUnwindSafe, catch_unwind};

use wasmscope_telemetry::limits::Budget;
use wasmscope_telemetry::{Instance, Reason, Signal};
use wasmtime::component::{Linker, LinkerInstance};
use wasmtime::{Result, StoreContextMut};

use crate::interfaces::{context, logger, meter, tracer};
use crate::lift::{Arguments, Lifted};

/// Gives Wasmscope its state within the embedder's `T` of [`Store<T>`](wasmtime::Store).
///
/// The state belongs to one store: what is in it ends with it. Without it there is no telemetry from guests at all.
///
/// # Examples
///
/// ```
/// use wasmscope_wasmtime::{Instance, View};
///
/// struct State {
///     telemetry: Instance,
/// }
///
/// impl View for State {
///     fn wasmscope(&mut self) -> &mut Instance {
///         &mut self.telemetry
///     }
/// }
/// ```
pub trait View {
    /// Gives the telemetry of the component instance that runs in this store.
    fn wasmscope(&mut self) -> &mut Instance;
}

/// Adds the interfaces of `wasmscope:otel@0.1.0` to a linker, for synchronous and asynchronous stores alike.
///
/// Components that import any `0.1.x` of the package are served, as Wasmtime's [`Linker`] matches versions.
///
/// # Errors
///
/// Returns an error if the linker has a function of these interfaces already, and shadowing is not allowed.
pub fn add_to_linker<T: View + 'static>(linker: &mut Linker<T>) -> Result<()> {
    add_to_linker_with(linker, T::wasmscope)
}

/// Adds the interfaces as [`add_to_linker`] does, for a `T` whose telemetry `get` finds.
///
/// # Errors
///
/// Returns an error if the linker has a function of these interfaces already, and shadowing is not allowed.
pub fn add_to_linker_with<T: 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut Instance + Copy + Send + Sync + 'static,
) -> Result<()> {
    context::add(Interface::new(linker, "context", Signal::Traces, get)?)?;
    tracer::add(Interface::new(linker, "tracer", Signal::Traces, get)?)?;
    meter::add(Interface::new(linker, "meter", Signal::Metrics, get)?)?;
    logger::add(Interface::new(linker, "logger", Signal::Logs, get)?)
}

/// One interface that is being added.
pub(crate) struct Interface<'a, T: 'static, G> {
    linker: LinkerInstance<'a, T>,
    signal: Signal,
    get: G,
}

impl<'a, T, G> Interface<'a, T, G>
where
    G: Fn(&mut T) -> &mut Instance + Copy + Send + Sync + 'static,
{
    fn new(linker: &'a mut Linker<T>, name: &str, signal: Signal, get: G) -> Result<Self> {
        let linker = linker.instance(&format!("wasmscope:otel/{name}@0.1.0"))?;
        Ok(Self {
            linker,
            signal,
            get,
        })
    }

    /// Adds a function whose parameters are scalars, or that has none.
    ///
    /// `neutral` is what the guest gets if the core panics.
    pub(crate) fn scalar<A, R>(
        &mut self,
        name: &str,
        neutral: fn() -> R,
        call: fn(&mut Instance, A) -> R,
    ) -> Result<()>
    where
        A: wasmtime::component::ComponentNamedList + wasmtime::component::Lift + 'static,
        R: wasmtime::component::Lower + Send + Sync + 'static,
    {
        let &mut Self { signal, get, .. } = self;
        self.linker.func_wrap(
            name,
            move |mut store: StoreContextMut<'_, T>, arguments: A| {
                Ok((guarded(
                    store.data_mut(),
                    get,
                    signal,
                    neutral,
                    |instance| call(instance, arguments),
                ),))
            },
        )
    }

    /// Adds a function whose parameters, `FLAT` core WebAssembly values, are lifted by this crate.
    pub(crate) fn lifted<A, const FLAT: usize, R>(
        &mut self,
        name: &str,
        neutral: fn() -> R,
        call: fn(&mut Instance, A) -> R,
    ) -> Result<()>
    where
        A: Arguments,
        R: wasmtime::component::Lower + Send + Sync + 'static,
    {
        let &mut Self { signal, get, .. } = self;
        self.linker.func_wrap(
            name,
            move |mut store: StoreContextMut<'_, T>, mut lifted: Lifted<A, FLAT>| {
                Ok((guarded(
                    store.data_mut(),
                    get,
                    signal,
                    neutral,
                    |instance| {
                        apply_limit(instance, signal, &mut lifted);
                        call(instance, lifted.arguments)
                    },
                ),))
            },
        )
    }
}

/// Holds a call to the limit that the embedder has set, and counts what exceeds it.
fn apply_limit<A: Arguments, const FLAT: usize>(
    instance: &mut Instance,
    signal: Signal,
    lifted: &mut Lifted<A, FLAT>,
) {
    let mut left_out = lifted.left_out;
    let limit = instance.telemetry().limits().call_bytes;
    if lifted.bytes > limit {
        let mut budget = Budget::new(limit);
        lifted.arguments.shrink(&mut budget);
        left_out = left_out.saturating_add(budget.left_out());
    }
    instance.count_dropped(signal, Reason::CallBytes, left_out);
}

/// Runs what must not panic through the guest: that would take down the embedder for the sake of its telemetry.
fn guarded<T, R>(
    state: &mut T,
    get: impl Fn(&mut T) -> &mut Instance,
    signal: Signal,
    neutral: fn() -> R,
    call: impl FnOnce(&mut Instance) -> R,
) -> R {
    // What a panic leaves half-done is a record or a count, never anything that others rely on.
    catch_unwind(AssertUnwindSafe(|| call(get(state)))).unwrap_or_else(|_| {
        // If even this panics, there is nobody left to count for.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            get(state).count_dropped(signal, Reason::HostPanic, 1);
        }));
        neutral()
    })
}
