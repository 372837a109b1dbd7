//! The engine's part of a store.

#![expect(unsafe_code, reason = "the C API is called here")]

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::ptr;
use std::slice;
use std::sync::Arc;

use component_model::HostError;
use component_model::engine::{
    CoreSignature, CoreStore, CoreVal, FlatType, FuncId, GlobalId, Host, InstanceId, Interrupt,
    LinkageId, MAX_VALUES, MemId, Stop,
};
use wasmedge_sys::{Statistics, ffi};

use super::binding::{Binding, BindingOwner, Lent, lending};
use super::interrupter::{Interrupter, create_nothing};
use super::memory::{GuestMemory, RawMemory};
use super::module::Module;
use super::value::{ValTypes, core_val};
use super::{NotCreated, check, length, name};
use crate::code::{Code, trap};
use crate::engine::Engine;

/// The executor, and all objects created for it.
pub struct Core<H: Host> {
    executor: *mut ffi::WasmEdge_ExecutorContext,
    statistics: Option<Statistics>,
    linkages: Vec<Linkage>,
    instances: Vec<*const ffi::WasmEdge_ModuleInstanceContext>,
    functions: Vec<*const ffi::WasmEdge_FunctionInstanceContext>,
    function_ids: HashMap<*const ffi::WasmEdge_FunctionInstanceContext, FuncId>,
    memories: Vec<GuestMemory>,
    /// The number of times that a memory may have grown.
    growths: u64,
    globals: Vec<*mut ffi::WasmEdge_GlobalInstanceContext>,
    /// The host that is lent to callbacks while a guest runs.
    lent: Lent<H>,
    interrupter: Interrupter,
    types: ValTypes,
}

/// A namespace, and all objects registered in it.
struct Linkage {
    store: *mut ffi::WasmEdge_StoreContext,
    host: *mut ffi::WasmEdge_ModuleInstanceContext,
    guests: Vec<*mut ffi::WasmEdge_ModuleInstanceContext>,
    /// The data of host functions.
    bindings: Vec<BindingOwner>,
    /// Kept because guests' functions may refer to their module.
    modules: Vec<Arc<Module>>,
}

// SAFETY: the pointers and all clones of `lent` are in this struct, and are used through `&mut
// Core` or by callbacks while it is lent, so by one thread at a time. `lent` is null unless a guest
// runs. Callees are `Send`. WasmEdge's executors keep thread-local state only while they run, and
// restore it (`Executor::enterFunction`).
unsafe impl<H: Host> Send for Core<H> {}

impl<H: Host> Core<H> {
    /// Makes an executor. It counts costs if the engine's settings say so.
    pub(crate) fn new(engine: &Engine) -> Result<Self, HostError> {
        let statistics = engine.config().measure_cost.then(Statistics::create);
        let mut statistics = statistics
            .transpose()
            .map_err(|error| HostError::new(error.to_string()))?;
        let counted = statistics
            .as_mut()
            .map_or(ptr::null_mut(), |statistics| statistics.as_ptr().cast_mut());
        // SAFETY: the configuration is copied; the statistics live as long as the executor, in the
        // same struct.
        let executor = unsafe { ffi::WasmEdge_ExecutorCreate(engine.raw().as_ptr(), counted) };
        if executor.is_null() {
            return Err(NotCreated("an executor").into());
        }
        Ok(Self {
            executor,
            statistics,
            linkages: Vec::new(),
            instances: Vec::new(),
            functions: Vec::new(),
            function_ids: HashMap::new(),
            memories: Vec::new(),
            growths: 0,
            globals: Vec::new(),
            lent: Lent::new(Cell::new(ptr::null_mut())),
            interrupter: Interrupter::default(),
            types: ValTypes::new(),
        })
    }

    fn space(&mut self, linkage: LinkageId) -> Result<&mut Linkage, NotCreated> {
        let space = self.linkages.get_mut(linkage.index());
        space.ok_or(NotCreated("an item in a namespace that does not exist"))
    }

    fn find_function(
        &mut self,
        instance: *const ffi::WasmEdge_ModuleInstanceContext,
        export: &str,
    ) -> Option<FuncId> {
        let export = name(export).ok()?;
        // SAFETY: the instance lives as long as `self`.
        let found = unsafe { ffi::WasmEdge_ModuleInstanceFindFunction(instance, export) };
        if found.is_null() {
            return None;
        }
        let functions = &mut self.functions;
        let id = self.function_ids.entry(found).or_insert_with(|| {
            let id = FuncId::next(functions);
            functions.push(found);
            id
        });
        Some(*id)
    }

    fn extent(&self, memory: MemId) -> Option<(*mut u8, usize)> {
        self.memories.get(memory.index())?.extent(self.growths)
    }

    fn statistics(&mut self) -> Result<&mut Statistics, HostError> {
        let statistics = self.statistics.as_mut();
        statistics.ok_or_else(|| HostError::new("costs are not counted: see Config::measure_cost"))
    }
}

impl<H: Host<Engine = Engine>> CoreStore<H> for Core<H> {
    type Memory<'a>
        = RawMemory<'a>
    where
        H: 'a;

    fn create_linkage(&mut self, host_module: &str) -> Result<LinkageId, HostError> {
        let host_module = name(host_module)?;
        // SAFETY: returns a new object, which the linkage owns.
        let store = unsafe { ffi::WasmEdge_StoreCreate() };
        // SAFETY: returns a new object, which the linkage owns; the name is copied.
        let host = unsafe { ffi::WasmEdge_ModuleInstanceCreate(host_module) };
        let space = Linkage {
            store,
            host,
            guests: Vec::new(),
            bindings: Vec::new(),
            modules: Vec::new(),
        };
        if store.is_null() || host.is_null() {
            return Err(NotCreated("a namespace").into());
        }
        let linkage = LinkageId::next(&self.linkages);
        self.linkages.push(space);
        Ok(linkage)
    }

    fn define_function(
        &mut self,
        linkage: LinkageId,
        function_name: &str,
        callee: H::Callee,
        signature: &CoreSignature,
    ) -> Result<(), HostError> {
        if signature.params.len() > MAX_VALUES || signature.results.len() > MAX_VALUES {
            return Err(NotCreated("a function with too many parameters or results").into());
        }
        let function_name = name(function_name)?;
        let types = self.types;
        let binding = Binding::<H>::new(&self.lent, callee, signature, types);
        let space = self.space(linkage)?;
        let ty = types.signature(signature);
        let (function, owner) = binding.create(ty);
        // SAFETY: made above, and not used after this.
        unsafe { ffi::WasmEdge_FunctionTypeDelete(ty) };
        if function.is_null() {
            return Err(NotCreated("a host function").into());
        }
        space.bindings.push(owner);
        // SAFETY: both are alive; the module owns the function from here on.
        unsafe { ffi::WasmEdge_ModuleInstanceAddFunction(space.host, function_name, function) };
        Ok(())
    }

    fn define_poll(&mut self, linkage: LinkageId, function_name: &str) -> Result<(), HostError> {
        let function_name = name(function_name)?;
        let host = self.space(linkage)?.host;
        let function = create_nothing()?;
        // SAFETY: both are alive; the module owns the function from here on.
        unsafe { ffi::WasmEdge_ModuleInstanceAddFunction(host, function_name, function) };
        Ok(())
    }

    fn define_global(
        &mut self,
        linkage: LinkageId,
        global_name: &str,
        value: i32,
    ) -> Result<GlobalId, HostError> {
        let global_name = name(global_name)?;
        let host = self.space(linkage)?.host;
        // SAFETY: returns a new object.
        let ty =
            unsafe { ffi::WasmEdge_GlobalTypeCreate(self.types.i32, ffi::WasmEdge_Mutability_Var) };
        let value = self.types.value(CoreVal::I32(value.cast_unsigned()));
        // SAFETY: `ty` is alive and copied.
        let global = unsafe { ffi::WasmEdge_GlobalInstanceCreate(ty, value) };
        // SAFETY: made above, and not used after this.
        unsafe { ffi::WasmEdge_GlobalTypeDelete(ty) };
        if global.is_null() {
            return Err(NotCreated("a global").into());
        }
        // SAFETY: both are alive; the module owns the global from here on, and lives as long as
        // `self`.
        unsafe { ffi::WasmEdge_ModuleInstanceAddGlobal(host, global_name, global) };
        let id = GlobalId::next(&self.globals);
        self.globals.push(global);
        Ok(id)
    }

    fn register_host_module(&mut self, linkage: LinkageId) -> Result<(), HostError> {
        let executor = self.executor;
        let space = self.space(linkage)?;
        // SAFETY: all three are alive.
        let result =
            unsafe { ffi::WasmEdge_ExecutorRegisterImport(executor, space.store, space.host) };
        Ok(check(result).map_err(|_failure| NotCreated("the host's module"))?)
    }

    fn host_function(&mut self, linkage: LinkageId, function_name: &str) -> Option<FuncId> {
        let host = self.space(linkage).ok()?.host;
        self.find_function(host, function_name)
    }

    fn function(&mut self, instance: InstanceId, export: &str) -> Option<FuncId> {
        let instance = *self.instances.get(instance.index())?;
        self.find_function(instance, export)
    }

    fn memory(&mut self, instance: InstanceId, export: &str) -> Option<MemId> {
        let instance = *self.instances.get(instance.index())?;
        let export = name(export).ok()?;
        // SAFETY: the instance lives as long as `self`.
        let found = unsafe { ffi::WasmEdge_ModuleInstanceFindMemory(instance, export) };
        if found.is_null() {
            return None;
        }
        let id = MemId::next(&self.memories);
        self.memories.push(GuestMemory::new(found));
        Some(id)
    }

    fn global(&self, global: GlobalId) -> Option<i32> {
        let global = *self.globals.get(global.index())?;
        // SAFETY: the global lives as long as `self`.
        let value = unsafe { ffi::WasmEdge_GlobalInstanceGetValue(global) };
        match core_val(FlatType::I32, &value) {
            CoreVal::I32(bits) => Some(bits.cast_signed()),
            CoreVal::I64(_) | CoreVal::F32(_) | CoreVal::F64(_) => None,
        }
    }

    fn set_global(&mut self, global: GlobalId, value: i32) {
        let value = self.types.value(CoreVal::I32(value.cast_unsigned()));
        if let Some(global) = self.globals.get(global.index()) {
            // SAFETY: the global lives as long as `self`; it is mutable and of this type, so this
            // does not fail.
            unsafe { ffi::WasmEdge_GlobalInstanceSetValue(*global, value) };
        }
    }

    fn bytes(&self, memory: MemId) -> &[u8] {
        let Some((pointer, length)) = self.extent(memory) else {
            return &[];
        };
        // SAFETY: see the documentation of `ffi`: this many bytes are at the pointer, and do not
        // change while `self` is borrowed.
        unsafe { slice::from_raw_parts(pointer, length) }
    }

    fn bytes_mut(&mut self, memory: MemId) -> &mut [u8] {
        let Some((pointer, length)) = self.extent(memory) else {
            return &mut [];
        };
        // SAFETY: as in `bytes`, and `self` is borrowed mutably.
        unsafe { slice::from_raw_parts_mut(pointer, length) }
    }

    fn memory_grows(&mut self) {
        self.growths = self.growths.wrapping_add(1);
    }

    fn memory_pair(&mut self, a: MemId, b: MemId) -> Option<(RawMemory<'_>, RawMemory<'_>)> {
        let find = |id: MemId| Some(self.memories.get(id.index())?.raw());
        Some((find(a)?, find(b)?))
    }

    fn interrupt_handle(&mut self) -> Result<Arc<dyn Interrupt>, HostError> {
        if !self.interrupter.is_armed() {
            // Arming runs the executor on another thread.
            if !self.lent.get().is_null() {
                return Err(NotCreated(
                    "an interrupt handle while a guest runs; make the first one before that",
                )
                .into());
            }
            self.interrupter.arm(self.executor)?;
        }
        Ok(Arc::new(self.interrupter.clone()))
    }

    fn clear_interruption(&mut self) {
        self.interrupter.clear(self.executor);
    }

    fn set_cost_limit(&mut self, limit: u64) -> Result<(), HostError> {
        self.statistics()?.set_cost_limit(limit);
        Ok(())
    }

    fn cost(&mut self) -> Result<u64, HostError> {
        Ok(self.statistics()?.cost_in_total())
    }

    fn instantiate(
        host: &mut H,
        linkage: LinkageId,
        module: &Arc<Module>,
        instance_name: &str,
    ) -> Result<InstanceId, Stop> {
        let generic = |_: NotCreated| failure(ffi::WasmEdge_ErrCode_RuntimeError);
        let instance_name = name(instance_name).map_err(generic)?;
        let core = host.core();
        let (executor, lent) = (core.executor, Lent::clone(&core.lent));
        let space = core.space(linkage).map_err(generic)?;
        let store = space.store;
        space.modules.push(Arc::clone(module));
        let mut instance = ptr::null_mut();
        let slot = &raw mut instance;
        let result = lending(&lent, host, || {
            // SAFETY: all are alive; the module was validated; the name is copied.
            unsafe {
                ffi::WasmEdge_ExecutorRegister(executor, slot, store, module.raw, instance_name)
            }
        });
        check(result)?;
        let core = host.core();
        core.space(linkage).map_err(generic)?.guests.push(instance);
        let id = InstanceId::next(&core.instances);
        core.instances.push(instance);
        Ok(id)
    }

    fn call(
        host: &mut H,
        function: FuncId,
        params: &[CoreVal],
        results: &[FlatType],
    ) -> Result<Vec<CoreVal>, Stop> {
        if params.len() > MAX_VALUES || results.len() > MAX_VALUES {
            return Err(failure(ffi::WasmEdge_ErrCode_FuncSigMismatch));
        }
        let core = host.core();
        let (types, executor, lent) = (core.types, core.executor, Lent::clone(&core.lent));
        let function = core.functions.get(function.index());
        let function = *function.ok_or_else(|| failure(ffi::WasmEdge_ErrCode_FuncNotFound))?;
        let empty = types.value(CoreVal::I32(0));
        let mut passed = [empty; MAX_VALUES];
        for (slot, value) in passed.iter_mut().zip(params) {
            *slot = types.value(*value);
        }
        let mut returned = [empty; MAX_VALUES];
        let (passed, returned_at) = (passed.as_ptr(), returned.as_mut_ptr());
        let result = lending(&lent, host, || {
            // SAFETY: executor and function live as long as the host's `Core`; the arrays have the
            // given lengths, and WasmEdge checks the number and types of their values against the
            // function's type.
            unsafe {
                ffi::WasmEdge_ExecutorInvoke(
                    executor,
                    function,
                    passed,
                    length(params),
                    returned_at,
                    length(results),
                )
            }
        });
        check(result)?;
        let values = results.iter().zip(&returned);
        Ok(values.map(|(ty, value)| core_val(*ty, value)).collect())
    }
}

#[cold]
fn failure(code: u32) -> Stop {
    Stop::Engine(trap(Code(code)))
}

impl<H: Host> Drop for Core<H> {
    fn drop(&mut self) {
        self.interrupter.disarm();
        for linkage in self.linkages.drain(..).rev() {
            drop(linkage);
        }
        // SAFETY: made in `new`; neither it nor its objects are used after this.
        unsafe { ffi::WasmEdge_ExecutorDelete(self.executor) };
    }
}

impl Drop for Linkage {
    fn drop(&mut self) {
        // SAFETY: made in `create_linkage`; a null pointer is ignored.
        unsafe { ffi::WasmEdge_StoreDelete(self.store) };
        // Later instances refer to earlier ones.
        for guest in self.guests.drain(..).rev() {
            // SAFETY: made in `instantiate`, and deleted only here.
            unsafe { ffi::WasmEdge_ModuleInstanceDelete(guest) };
        }
        // SAFETY: made in `create_linkage`; a null pointer is ignored.
        unsafe { ffi::WasmEdge_ModuleInstanceDelete(self.host) };
    }
}

impl<H: Host> fmt::Debug for Core<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}
