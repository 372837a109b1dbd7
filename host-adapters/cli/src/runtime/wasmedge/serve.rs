//! Answers requests on WasmEdge. Each request takes a thread.

use super::{Host, Linked};
use crate::args::ServerOptions;
use crate::failure::Failure;
use crate::runtime::guest::Guests;
use crate::runtime::instances::{InStore, Instances, Maker, Taken};
use crate::runtime::thread::{GRACE, Workers};
use component_wasi::http::{HandleParams, handle_params};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::oneshot;
use wasmedge_component::{InstancePre, InterruptHandle, Store, TypedFunc};
use wasmscope_http::server::{Call, Handler};
use wasmscope_telemetry::{Outcome, Telemetry};
use wasmtime_wasi::ResourceTable;
use wasmtime_wasi_http::WasiHttpView as _;

/// Makes instances, each in its own store.
struct Stores {
    linked: Linked,
    /// The component with its imports, which are looked up once.
    pre: InstancePre<Host>,
    guests: Guests,
    telemetry: Telemetry,
}

struct Instance {
    store: Store<Host>,
    handle: TypedFunc<HandleParams, ()>,
    interrupt: InterruptHandle,
    fuel: Option<u64>,
}

/// Stores, and the threads on which their guests run.
#[derive(Clone)]
struct OnWorkers(Arc<(Stores, Workers)>);

impl InStore for Instance {
    fn resources(&mut self) -> &mut ResourceTable {
        self.store.data_mut().resources()
    }
}

impl Maker for OnWorkers {
    type Instance = Instance;

    async fn make(&self) -> Result<Instance, Outcome> {
        let shared = Arc::clone(&self.0);
        let (has_store, store) = oneshot::channel();
        // The guest's start functions run now.
        let made = self.0.1.run(move || {
            let instance = shared
                .0
                .instance(|interrupt| drop(has_store.send(interrupt)));
            instance.map_err(|error| wasmscope_wasmedge::outcome_of(&error))
        });
        let mut made = std::pin::pin!(made);
        let interrupt = tokio::select! {
            biased;
            made = &mut made => return made.unwrap_or(Err(Outcome::Killed)),
            interrupt = store => interrupt.ok(),
        };
        let mut abandoned = InterruptOnDrop(interrupt);
        let made = made.await.unwrap_or(Err(Outcome::Killed));
        abandoned.0 = None;
        made
    }
}

/// Interrupts a guest whose instance is no longer awaited.
struct InterruptOnDrop(Option<InterruptHandle>);

impl Drop for InterruptOnDrop {
    fn drop(&mut self) {
        if let Some(interrupt) = &self.0 {
            interrupt.interrupt();
        }
    }
}

impl Stores {
    /// Makes an instance. Calls `has_store` before any code of the guest runs.
    fn instance(&self, has_store: impl FnOnce(InterruptHandle)) -> anyhow::Result<Instance> {
        let guest = self.guests.make().map_err(anyhow::Error::new)?;
        let fuel = guest.fuel;
        let (mut store, interrupt) = self.linked.store(guest, &self.telemetry)?;
        has_store(interrupt.clone());
        let instance = wasmscope_wasmedge::instantiate_pre(&mut store, &self.pre);
        // They belong to no request.
        store.data().finish_lines();
        let handle = instance?.get_typed_func_in(&mut store, &self.linked.export, "handle")?;
        Ok(Instance {
            store,
            handle,
            interrupt,
            fuel,
        })
    }
}

pub(super) fn handler(
    linked: Linked,
    guests: Guests,
    telemetry: &Telemetry,
    options: &ServerOptions,
) -> Result<Arc<dyn Handler>, Failure> {
    let pre = linked.linker.instantiate_pre(&linked.component);
    let pre = pre.map_err(|error| Failure::new(format!("cannot link the component: {error:#}")))?;
    let stores = Stores {
        linked,
        pre,
        guests,
        telemetry: telemetry.clone(),
    };
    let stores = OnWorkers(Arc::new((stores, Workers::start(options.workers)?)));
    Ok(Arc::new(Requests {
        instances: Instances::new(stores.clone(), options),
        stores,
        workers: options.workers,
    }))
}

/// Handles requests with instances.
#[derive(Clone)]
struct Requests {
    instances: Instances<OnWorkers>,
    stores: OnWorkers,
    workers: usize,
}

impl Handler for Requests {
    fn is_ready(&self) -> bool {
        self.instances.are_made()
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.instances.clone().close())
    }

    fn max_requests(&self) -> Option<usize> {
        Some(self.workers)
    }

    fn handle(&self, call: Call) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let requests = self.clone();
        Box::pin(async move {
            if let Some((taken, call)) = requests.instances.take_for(call).await {
                requests.handle_with(taken, call).await;
            }
        })
    }
}

impl Requests {
    /// Runs the guest on a worker, and interrupts it if it has to stop.
    async fn handle_with(self, taken: Taken<Instance>, call: Call) {
        let interrupt = taken.instance.interrupt.clone();
        let ender = taken.instance.store.data().telemetry().ender();
        let stop = call.stop().clone();
        let instances = self.instances;
        let handled = self.stores.0.1.run(move || handle(&instances, taken, call));
        let mut handled = std::pin::pin!(handled);
        let reason = tokio::select! {
            biased;
            _ = &mut handled => return,
            reason = stop.stopped() => reason,
        };
        interrupt.interrupt();
        if tokio::time::timeout(GRACE, &mut handled).await.is_err() {
            ender.end(&reason.outcome());
            let _ = handled.await;
        }
    }
}

fn handle(instances: &Instances<OnWorkers>, mut taken: Taken<Instance>, mut call: Call) {
    let Instance {
        store,
        handle,
        fuel,
        ..
    } = &mut taken.instance;
    let (span, outcome) = match call.take_span() {
        Some(span) => {
            let mut invocation = wasmscope_wasmedge::invoke_in(store, span);
            let result = call_guest(&mut invocation, handle, *fuel, &mut call);
            let outcome = match &result {
                Ok(()) => Outcome::Ok,
                Err(error) => wasmscope_wasmedge::outcome_of(error),
            };
            // An interruption has no reason of its own.
            let outcome = match call.stop().reason() {
                Some(reason) if outcome == Outcome::Timeout => reason.outcome(),
                Some(_) | None => outcome,
            };
            invocation.data_mut().end_call();
            (invocation.hand_over(&outcome), outcome)
        }
        // It was not taken before.
        None => (None, Outcome::Killed),
    };
    instances.finish(taken, call, span, &outcome);
}

fn call_guest(
    store: &mut Store<Host>,
    handle: &TypedFunc<HandleParams, ()>,
    fuel: Option<u64>,
    call: &mut Call,
) -> anyhow::Result<()> {
    if let Some(fuel) = fuel {
        let limit = store.cost()?.saturating_add(fuel);
        store.set_cost_limit(limit)?;
    }
    let (request, response) = call.params(store.data_mut().http())?;
    handle.call(store, handle_params(&request, &response))
}
