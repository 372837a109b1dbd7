//! Answers requests on Wasmtime. A request takes no thread.

use super::{Host, Linked, start_ticking};
use crate::args::ServerOptions;
use crate::failure::Failure;
use crate::runtime::guest::Guests;
use crate::runtime::instances::{InStore, Instances, Maker, Taken};
use crate::runtime::thread::GuestRuntime;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use wasmscope_http::server::{Call, Handler};
use wasmscope_telemetry::{Outcome, Telemetry};
use wasmtime::component::{ComponentExportIndex, InstancePre, Resource, TypedFunc};
use wasmtime::{PoolConcurrencyLimitError, Store};
use wasmtime_wasi::ResourceTable;
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};

/// The parameters of `handle`.
type Params = (
    Resource<HostIncomingRequest>,
    Resource<HostResponseOutparam>,
);

/// The pause until a full pool is asked again.
const POOL_RETRY: Duration = Duration::from_millis(1);

/// Makes instances, each in its own store.
struct Stores {
    linked: Linked,
    /// The component with its imports, which are checked once.
    pre: InstancePre<Host>,
    handle: ComponentExportIndex,
    guests: Guests,
    telemetry: Telemetry,
}

struct Instance {
    store: Store<Host>,
    handle: TypedFunc<Params, ()>,
    fuel: Option<u64>,
}

impl InStore for Instance {
    fn resources(&mut self) -> &mut ResourceTable {
        self.store.data_mut().resources()
    }
}

impl Maker for Stores {
    type Instance = Instance;

    async fn make(&self) -> Result<Instance, Outcome> {
        loop {
            match self.instance().await {
                Ok(instance) => return Ok(instance),
                // Instances of earlier requests are still being dropped.
                Err(error) if error.is::<PoolConcurrencyLimitError>() => {
                    tokio::time::sleep(POOL_RETRY).await;
                }
                Err(error) => return Err(wasmscope_wasmtime::outcome_of(&error)),
            }
        }
    }
}

impl Stores {
    async fn instance(&self) -> wasmtime::Result<Instance> {
        let guest = self.guests.make().map_err(wasmtime::Error::new)?;
        let fuel = guest.fuel;
        let mut store = self.linked.store(guest, &self.telemetry)?;
        let instance = wasmscope_wasmtime::instantiate_pre_async(&mut store, &self.pre).await;
        // They belong to no request.
        store.data().finish_lines();
        let handle = instance?.get_typed_func(&mut store, self.handle)?;
        Ok(Instance {
            store,
            handle,
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
    start_ticking(&linked.engine);
    let pre = linked.linker.instantiate_pre(&linked.component);
    let pre = pre.map_err(|error| Failure::new(format!("cannot link the component: {error:#}")))?;
    let handle = linked.function("handle");
    let handle = handle.map_err(|error| Failure::new(format!("{error:#}")))?;
    let stores = Stores {
        linked,
        pre,
        handle,
        guests,
        telemetry: telemetry.clone(),
    };
    let runtime = GuestRuntime::for_requests()?;
    let entered = runtime.handle().enter();
    let instances = Instances::new(stores, options);
    drop(entered);
    Ok(Arc::new(Requests { instances, runtime }))
}

/// Handles requests with instances.
struct Requests {
    instances: Instances<Stores>,
    /// Guests may keep its threads busy. The server has others.
    runtime: GuestRuntime,
}

impl Handler for Requests {
    fn is_ready(&self) -> bool {
        self.instances.are_made()
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.instances.clone().close())
    }

    fn handle(&self, call: Call) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let instances = self.instances.clone();
        let handled = self.runtime.handle().spawn(async move {
            if let Some((taken, call)) = instances.take_for(call).await {
                handle(&instances, taken, call).await;
            }
        });
        // A panic has ended the call already.
        Box::pin(async move { drop(handled.await) })
    }
}

async fn handle(instances: &Instances<Stores>, mut taken: Taken<Instance>, mut call: Call) {
    let Instance {
        store,
        handle,
        fuel,
    } = &mut taken.instance;
    let (span, outcome) = match call.take_span() {
        Some(span) => {
            let mut invocation = wasmscope_wasmtime::invoke_in(store, span);
            let outcome = outcome(&mut invocation, handle, *fuel, &mut call).await;
            invocation.data_mut().end_call();
            (invocation.hand_over(&outcome), outcome)
        }
        // It was not taken before.
        None => (None, Outcome::Killed),
    };
    instances.finish(taken, call, span, &outcome);
}

/// Calls the guest, until it ends or has to stop.
async fn outcome(
    store: &mut Store<Host>,
    handle: &TypedFunc<Params, ()>,
    fuel: Option<u64>,
    call: &mut Call,
) -> Outcome {
    let stop = call.stop().clone();
    let called = async {
        if let Some(fuel) = fuel {
            store.set_fuel(fuel)?;
        }
        let params = call.params(store.data_mut().http())?;
        handle.call_async(&mut *store, params).await
    };
    tokio::select! {
        // A guest that ends just before it is stopped has ended by itself.
        biased;
        result = called => match result {
            Ok(()) => Outcome::Ok,
            Err(error) => wasmscope_wasmtime::outcome_of(&error),
        },
        reason = stop.stopped() => reason.outcome(),
    }
}
