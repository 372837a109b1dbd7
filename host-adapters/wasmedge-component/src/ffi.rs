//! The raw C API: all the `unsafe` of this crate, behind types that are safe to use.
//!
//! What the C API gives out lives as long as what it belongs to: functions, memories and globals as long as their module instance,
//! instances as long as their executor is used with them. [`Core`] owns all of that for one store, and hands out indices instead of
//! pointers, so that nothing can outlive it.
//!
//! # While a guest runs
//!
//! A guest is entered by [`invoke`] and [`instantiate`] only, which take the host `&mut H` and lend it, as a raw pointer, to the callbacks
//! that host functions arrive at. The host is used by one of them at a time: a callback runs while its caller waits in C.
//! The memories of a store's guests are not shared between threads (the loader refuses such memories) and grow only
//! while a guest runs: so they may be looked at as slices for as long as `Core` is borrowed. Where they lie is kept until a guest asks to let
//! one grow, as hardened modules do right before each `memory.grow` ([`Core::memory_grows`]); nothing else moves them.

#![expect(unsafe_code, reason = "this is where the C API is called")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::allow_attributes,
    reason = "core values are taken out of the 128 bits that the C API has for each, as their type says"
)]

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::{c_char, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};

use compiled_code::Trusted;
use wasmedge_sys::{Config, Statistics, ffi};

use crate::abi::call::CoreSignature;
use crate::abi::{CoreVal, FlatType, Memory, OutOfBounds};
use crate::engine::Engine;

/// The most parameters or results that a core function has which passes between host and guest: the canonical ABI needs 17.
pub(crate) const MAX_VALUES: usize = 32;

/// Bytes in a page of linear memory.
pub(crate) const PAGE: u64 = 65_536;

/// An error code of WasmEdge, below 2²⁴ (`WasmEdge_ErrCode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u32);

/// How an entry into a guest ended other than well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A host function failed; it has left its error with the host.
    Host,
    /// The engine stopped the guest.
    Engine(Code),
}

/// The code by which host functions say that they have failed; never shown to anybody.
const HOST_FAILED: u32 = 1;

/// What guests are given by the host.
pub(crate) trait Host: Sized + 'static {
    /// The engine's part of the store.
    fn core(&mut self) -> &mut Core<Self>;

    /// What a host function does; it may refer to what it needs for that.
    type Callee: Send + 'static;

    /// Runs a host function, and leaves the error with the host if it fails.
    fn host_call(
        &mut self,
        callee: &Self::Callee,
        params: &[CoreVal],
        results: &mut Vec<CoreVal>,
    ) -> bool;

    /// Keeps what a panic in [`host_call`](Self::host_call) said.
    fn panicked(&mut self, message: String);
}

macro_rules! handles {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) struct $name(u32);
    )*};
}

handles! {
    /// A name space that core instances are linked in.
    LinkageId;
    /// A core instance.
    InstanceId;
    /// A core function.
    FuncId;
    /// A linear memory.
    MemId;
    /// A mutable global of type `i32`.
    GlobalId;
}

impl LinkageId {
    pub(crate) fn index(self) -> usize {
        index(self.0)
    }
}

fn index(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}

fn id<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

/// The engine is out of memory, or something was asked of it that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("WasmEdge could not create {0}")]
pub(crate) struct NotCreated(pub(crate) &'static str);

/// Makes WasmEdge keep its log to itself: it would write each trap of a guest to the host's standard error.
pub(crate) fn silence() {
    wasmedge_sdk::LogManager::log_off();
}

/// Returns WasmEdge's own words for an error code.
pub(crate) fn message(code: Code) -> String {
    // SAFETY: takes a value; the message is a constant of the library.
    let message = unsafe { ffi::WasmEdge_ResultGetMessage(ffi::WasmEdge_Result { Code: code.0 }) };
    if message.is_null() {
        return format!("error {:#x}", code.0);
    }
    // SAFETY: the library's constants are C strings.
    let message = unsafe { std::ffi::CStr::from_ptr(message) };
    message.to_string_lossy().into_owned()
}

fn check(result: ffi::WasmEdge_Result) -> Result<(), Stop> {
    // SAFETY: takes a value.
    if unsafe { ffi::WasmEdge_ResultOK(result) } {
        return Ok(());
    }
    // SAFETY: takes a value.
    let category = unsafe { ffi::WasmEdge_ResultGetCategory(result) };
    if category == ffi::WasmEdge_ErrCategory_UserLevelError {
        return Err(Stop::Host);
    }
    // SAFETY: takes a value.
    let code = unsafe { ffi::WasmEdge_ResultGetCode(result) };
    Err(Stop::Engine(Code(code)))
}

fn name(text: &str) -> Result<ffi::WasmEdge_String, NotCreated> {
    let too_long = |_| NotCreated("anything with a name of more than 4 GiB");
    let length = u32::try_from(text.len()).map_err(too_long)?;
    // SAFETY: wraps pointer and length, which are those of a `str`; callees copy what they keep.
    Ok(unsafe { ffi::WasmEdge_StringWrap(text.as_ptr().cast::<c_char>(), length) })
}

/// A core module, parsed and validated: what instances are made of.
#[derive(Debug)]
pub(crate) struct Module {
    raw: *mut ffi::WasmEdge_ASTModuleContext,
    /// Owns what `raw` points to.
    _owner: wasmedge_sys::Module,
}

// SAFETY: a validated module is only read, by any number of executors (WasmEdge's C API documents its contexts as safe to move
// between threads; instantiating takes the module by `const` pointer and copies what it keeps).
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

impl Module {
    /// Parses and validates a module: its bytes, or what WasmEdge's compiler made of them.
    pub(crate) fn new(engine: &Engine, source: ModuleSource<'_>) -> Result<Self, Code> {
        let generic = Code(ffi::WasmEdge_ErrCode_RuntimeError);
        let (config, bytes) = match source {
            ModuleSource::Bytes(bytes) => (engine.interpreting(), bytes),
            ModuleSource::Compiled(code) => (engine.raw(), code.bytes()),
        };
        let length = u32::try_from(bytes.len()).map_err(|_too_large| generic)?;
        // SAFETY: the configuration is alive, and is copied.
        let loader = unsafe { ffi::WasmEdge_LoaderCreate(config.as_ptr()) };
        if loader.is_null() {
            return Err(generic);
        }
        let mut raw = ptr::null_mut();
        // SAFETY: pointer and length are those of a slice, which is only read during the call that
        // follows.
        let wrapped = unsafe { ffi::WasmEdge_BytesWrap(bytes.as_ptr(), length) };
        // SAFETY: the loader is alive, and `raw` is where the result goes. Native code in the bytes
        // is loaded only where the configuration says so: it is `Trusted` then, which is code that
        // WasmEdge's compiler has made.
        let result = unsafe { ffi::WasmEdge_LoaderParseFromBytes(loader, &raw mut raw, wrapped) };
        // SAFETY: made above, and used no more.
        unsafe { ffi::WasmEdge_LoaderDelete(loader) };
        check(result).map_err(code)?;
        if raw.is_null() {
            return Err(generic);
        }
        // SAFETY: the loader has given it away, and nobody else owns it.
        let owner = unsafe { wasmedge_sys::Module::from_raw(raw) };
        let module = Self { raw, _owner: owner };
        // SAFETY: the configuration is alive, and is copied.
        let validator = unsafe { ffi::WasmEdge_ValidatorCreate(config.as_ptr()) };
        if validator.is_null() {
            return Err(generic);
        }
        // SAFETY: both are alive.
        let result = unsafe { ffi::WasmEdge_ValidatorValidate(validator, raw) };
        // SAFETY: made above, and used no more.
        unsafe { ffi::WasmEdge_ValidatorDelete(validator) };
        check(result).map_err(code)?;
        Ok(module)
    }
}

fn code(stop: Stop) -> Code {
    match stop {
        Stop::Engine(code) => code,
        Stop::Host => Code(ffi::WasmEdge_ErrCode_UserDefError),
    }
}

/// Where a module comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ModuleSource<'a> {
    /// Its binary. A guest may have put native code into it (a custom section `wasmedge`), which is
    /// not loaded.
    Bytes(&'a [u8]),
    /// What WasmEdge's compiler made of it: the binary, with native code in a custom section.
    Compiled(&'a Trusted),
}

/// Returns what WasmEdge's compiler has just made as code that may be loaded.
pub(crate) fn compiled(code: Vec<u8>) -> Trusted {
    // SAFETY: the compiler has written it into a folder that no other user can write to, and it was
    // read from there.
    unsafe { Trusted::assume(code) }
}

/// What a store needs of the engine: the executor, and all that was made for it.
pub(crate) struct Core<H> {
    executor: *mut ffi::WasmEdge_ExecutorContext,
    statistics: Option<Statistics>,
    linkages: Vec<Linkage>,
    instances: Vec<*const ffi::WasmEdge_ModuleInstanceContext>,
    functions: Vec<*const ffi::WasmEdge_FunctionInstanceContext>,
    function_ids: HashMap<*const ffi::WasmEdge_FunctionInstanceContext, FuncId>,
    memories: Vec<GuestMemory>,
    /// How often a memory may have grown.
    growths: u64,
    globals: Vec<*mut ffi::WasmEdge_GlobalInstanceContext>,
    /// The host that is lent to callbacks, while a guest runs.
    lent: Box<Cell<*mut H>>,
    interrupter: Interrupter,
    types: ValTypes,
    host: PhantomData<fn(H)>,
}

/// A linear memory, and where it lies.
struct GuestMemory {
    memory: *mut ffi::WasmEdge_MemoryInstanceContext,
    /// What the engine has said of it, and before which growth that was: asking takes two calls and their locks.
    extent: Cell<Option<(u64, (*mut u8, usize))>>,
}

/// One name space, and what is registered in it.
struct Linkage {
    store: *mut ffi::WasmEdge_StoreContext,
    host: *mut ffi::WasmEdge_ModuleInstanceContext,
    guests: Vec<*mut ffi::WasmEdge_ModuleInstanceContext>,
    /// What host functions point to.
    bindings: Vec<Box<dyn Send>>,
    /// Guests' functions may refer to what was parsed.
    modules: Vec<Arc<Module>>,
}

/// What a host function knows of itself.
struct Binding<H: Host> {
    lent: *const Cell<*mut H>,
    callee: H::Callee,
    signature: CoreSignature,
    types: ValTypes,
    /// What its values were in when it was called last, so that not every call allocates. A call takes it away, for it may come to
    /// another one before it returns.
    ///
    /// In a box, for taking is moving: what was just written would be waited for.
    buffers: Cell<Option<Box<Buffers>>>,
}

/// A host function's arguments and results.
#[derive(Default)]
struct Buffers {
    arguments: Vec<CoreVal>,
    results: Vec<CoreVal>,
}

// SAFETY: a binding is used by callbacks only, on the thread that has lent the host.
unsafe impl<H: Host> Send for Binding<H> {}

// SAFETY: the pointers are used through `&mut Core` or by callbacks while it is lent, so by one thread at a time; WasmEdge's
// executors keep thread-local state only while they run, and restore it (`Executor::enterFunction`).
unsafe impl<H: Send> Send for Core<H> {}

/// The engine's descriptions of the value types, asked for once.
#[derive(Clone, Copy)]
struct ValTypes {
    i32: ffi::WasmEdge_ValType,
    i64: ffi::WasmEdge_ValType,
    f32: ffi::WasmEdge_ValType,
    f64: ffi::WasmEdge_ValType,
}

impl ValTypes {
    fn new() -> Self {
        Self {
            // SAFETY: gives a value.
            i32: unsafe { ffi::WasmEdge_ValTypeGenI32() },
            // SAFETY: gives a value.
            i64: unsafe { ffi::WasmEdge_ValTypeGenI64() },
            // SAFETY: gives a value.
            f32: unsafe { ffi::WasmEdge_ValTypeGenF32() },
            // SAFETY: gives a value.
            f64: unsafe { ffi::WasmEdge_ValTypeGenF64() },
        }
    }

    fn of(&self, ty: FlatType) -> ffi::WasmEdge_ValType {
        match ty {
            FlatType::I32 => self.i32,
            FlatType::I64 => self.i64,
            FlatType::F32 => self.f32,
            FlatType::F64 => self.f64,
        }
    }

    fn value(&self, value: CoreVal) -> ffi::WasmEdge_Value {
        let bits = match value {
            CoreVal::I32(bits) | CoreVal::F32(bits) => u128::from(bits),
            CoreVal::I64(bits) | CoreVal::F64(bits) => u128::from(bits),
        };
        ffi::WasmEdge_Value {
            Value: bits,
            Type: self.of(value.ty()),
        }
    }
}

fn core_val(ty: FlatType, value: &ffi::WasmEdge_Value) -> CoreVal {
    match ty {
        FlatType::I32 => CoreVal::I32(value.Value as u32),
        FlatType::I64 => CoreVal::I64(value.Value as u64),
        FlatType::F32 => CoreVal::F32(value.Value as u32),
        FlatType::F64 => CoreVal::F64(value.Value as u64),
    }
}

impl<H: Host> Core<H> {
    /// Makes an executor. With `statistics`, costs are counted; the configuration must say so too.
    pub(crate) fn new(
        config: &Config,
        mut statistics: Option<Statistics>,
    ) -> Result<Self, NotCreated> {
        let counted = statistics
            .as_mut()
            .map_or(ptr::null_mut(), |statistics| statistics.as_ptr().cast_mut());
        // SAFETY: the configuration is copied; the statistics live as long as the executor, in the same struct.
        let executor = unsafe { ffi::WasmEdge_ExecutorCreate(config.as_ptr(), counted) };
        if executor.is_null() {
            return Err(NotCreated("an executor"));
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
            lent: Box::new(Cell::new(ptr::null_mut())),
            interrupter: Interrupter::default(),
            types: ValTypes::new(),
            host: PhantomData,
        })
    }

    /// Returns what counts costs.
    pub(crate) fn statistics(&mut self) -> Option<&mut Statistics> {
        self.statistics.as_mut()
    }

    /// Makes a name space, with a module of this name for what the host provides.
    pub(crate) fn linkage(&mut self, host_module: &str) -> Result<LinkageId, NotCreated> {
        let host_module = name(host_module)?;
        // SAFETY: gives a new object, which the linkage owns.
        let store = unsafe { ffi::WasmEdge_StoreCreate() };
        // SAFETY: gives a new object, which the linkage owns; the name is copied.
        let host = unsafe { ffi::WasmEdge_ModuleInstanceCreate(host_module) };
        let space = Linkage {
            store,
            host,
            guests: Vec::new(),
            bindings: Vec::new(),
            modules: Vec::new(),
        };
        if store.is_null() || host.is_null() {
            return Err(NotCreated("a name space"));
        }
        let linkage = LinkageId(id(&self.linkages));
        self.linkages.push(space);
        Ok(linkage)
    }

    /// Returns the name space with this index.
    pub(crate) fn linkage_at(&self, at: usize) -> Option<LinkageId> {
        self.linkages.get(at)?;
        u32::try_from(at).ok().map(LinkageId)
    }

    fn space(&mut self, linkage: LinkageId) -> Result<&mut Linkage, NotCreated> {
        let space = self.linkages.get_mut(index(linkage.0));
        space.ok_or(NotCreated("anything in a name space that is not there"))
    }

    /// Adds a function to the host's module.
    pub(crate) fn host_function(
        &mut self,
        linkage: LinkageId,
        function_name: &str,
        callee: H::Callee,
        signature: &CoreSignature,
    ) -> Result<(), NotCreated> {
        if signature.params.len() > MAX_VALUES || signature.results.len() > MAX_VALUES {
            return Err(NotCreated("a function with so many values"));
        }
        let function_name = name(function_name)?;
        // What is made below belongs to nobody until it is added here.
        self.space(linkage)?;
        let types = self.types;
        let of =
            |list: &[FlatType]| -> Vec<_> { list.iter().map(|flat| types.of(*flat)).collect() };
        let (params, results) = (of(&signature.params), of(&signature.results));
        // SAFETY: pointers and lengths are those of vectors, which are copied.
        let ty = unsafe {
            ffi::WasmEdge_FunctionTypeCreate(
                params.as_ptr(),
                id(&params),
                results.as_ptr(),
                id(&results),
            )
        };
        let binding = Box::new(Binding::<H> {
            lent: &raw const *self.lent,
            callee,
            signature: signature.clone(),
            types,
            buffers: Cell::default(),
        });
        let data = (&raw const *binding).cast_mut().cast::<c_void>();
        // SAFETY: `ty` is copied; `data` points to the binding, which the linkage keeps as long as the function, and which
        // `callback::<H>` takes for what it is.
        let created = unsafe {
            ffi::WasmEdge_FunctionInstanceCreate(ty, Some(callback::<H>), data.cast(), 0)
        };
        // SAFETY: made above, and used no more.
        unsafe { ffi::WasmEdge_FunctionTypeDelete(ty) };
        if created.is_null() {
            return Err(NotCreated("a host function"));
        }
        let space = self.space(linkage)?;
        space.bindings.push(binding);
        // SAFETY: both are alive; the module owns the function from here on.
        unsafe { ffi::WasmEdge_ModuleInstanceAddFunction(space.host, function_name, created) };
        Ok(())
    }

    /// Adds a function to the host's module that does nothing: but the engine asks, when it is called, whether it is to stop.
    pub(crate) fn host_nothing(
        &mut self,
        linkage: LinkageId,
        function_name: &str,
    ) -> Result<(), NotCreated> {
        let function_name = name(function_name)?;
        let host = self.space(linkage)?.host;
        let function = create_nothing()?;
        // SAFETY: both are alive; the module owns the function from here on.
        unsafe { ffi::WasmEdge_ModuleInstanceAddFunction(host, function_name, function) };
        Ok(())
    }

    /// Adds a mutable global of type `i32` to the host's module.
    pub(crate) fn host_global(
        &mut self,
        linkage: LinkageId,
        global_name: &str,
        value: i32,
    ) -> Result<GlobalId, NotCreated> {
        let global_name = name(global_name)?;
        // What is made below belongs to nobody until it is added here.
        let host = self.space(linkage)?.host;
        // SAFETY: gives a new object.
        let ty =
            unsafe { ffi::WasmEdge_GlobalTypeCreate(self.types.i32, ffi::WasmEdge_Mutability_Var) };
        let value = self.types.value(CoreVal::I32(value.cast_unsigned()));
        // SAFETY: `ty` is alive and copied.
        let global = unsafe { ffi::WasmEdge_GlobalInstanceCreate(ty, value) };
        // SAFETY: made above, and used no more.
        unsafe { ffi::WasmEdge_GlobalTypeDelete(ty) };
        if global.is_null() {
            return Err(NotCreated("a global"));
        }
        // SAFETY: both are alive; the module owns the global from here on, and lives as long as `self`.
        unsafe { ffi::WasmEdge_ModuleInstanceAddGlobal(host, global_name, global) };
        let handle = GlobalId(id(&self.globals));
        self.globals.push(global);
        Ok(handle)
    }

    /// Makes what was added to the host's module visible to the guests of a name space.
    pub(crate) fn register_host(&mut self, linkage: LinkageId) -> Result<(), NotCreated> {
        let executor = self.executor;
        let space = self.space(linkage)?;
        // SAFETY: all three are alive.
        let result =
            unsafe { ffi::WasmEdge_ExecutorRegisterImport(executor, space.store, space.host) };
        check(result).map_err(|_stop| NotCreated("the host's module"))
    }

    /// Finds a function that the host's module has.
    pub(crate) fn found_host_function(
        &mut self,
        linkage: LinkageId,
        function_name: &str,
    ) -> Option<FuncId> {
        let host = self.space(linkage).ok()?.host;
        self.found_function(host, function_name)
    }

    /// Finds a function that an instance exports.
    pub(crate) fn function(&mut self, instance: InstanceId, export: &str) -> Option<FuncId> {
        let instance = *self.instances.get(index(instance.0))?;
        self.found_function(instance, export)
    }

    fn found_function(
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
        // The same function may be found any number of times.
        let functions = &mut self.functions;
        let handle = self.function_ids.entry(found).or_insert_with(|| {
            let handle = FuncId(id(functions));
            functions.push(found);
            handle
        });
        Some(*handle)
    }

    /// Finds a memory that an instance exports.
    pub(crate) fn memory(&mut self, instance: InstanceId, export: &str) -> Option<MemId> {
        let instance = *self.instances.get(index(instance.0))?;
        let export = name(export).ok()?;
        // SAFETY: the instance lives as long as `self`.
        let found = unsafe { ffi::WasmEdge_ModuleInstanceFindMemory(instance, export) };
        if found.is_null() {
            return None;
        }
        let handle = MemId(id(&self.memories));
        self.memories.push(GuestMemory {
            memory: found,
            extent: Cell::new(None),
        });
        Some(handle)
    }

    /// Reads a global.
    pub(crate) fn global(&self, global: GlobalId) -> Option<i32> {
        let global = *self.globals.get(index(global.0))?;
        // SAFETY: the global lives as long as `self`.
        let value = unsafe { ffi::WasmEdge_GlobalInstanceGetValue(global) };
        Some((value.Value as u32).cast_signed())
    }

    /// Writes a global.
    pub(crate) fn set_global(&mut self, global: GlobalId, value: i32) {
        let value = self.types.value(CoreVal::I32(value.cast_unsigned()));
        if let Some(global) = self.globals.get(index(global.0)) {
            // SAFETY: the global lives as long as `self`; it is mutable and of this type, so this does not fail.
            unsafe { ffi::WasmEdge_GlobalInstanceSetValue(*global, value) };
        }
    }

    /// Returns the bytes of a memory as they are until a guest runs again.
    pub(crate) fn bytes(&self, memory: MemId) -> &[u8] {
        let Some((pointer, length)) = self.extent(memory) else {
            return &[];
        };
        // SAFETY: see the module's documentation: so many bytes are there, and do not change while `self` is borrowed.
        unsafe { slice::from_raw_parts(pointer, length) }
    }

    /// Returns the bytes of a memory to be changed.
    pub(crate) fn bytes_mut(&mut self, memory: MemId) -> &mut [u8] {
        let Some((pointer, length)) = self.extent(memory) else {
            return &mut [];
        };
        // SAFETY: as in `bytes`, and `self` is borrowed for this alone.
        unsafe { slice::from_raw_parts_mut(pointer, length) }
    }

    fn extent(&self, memory: MemId) -> Option<(*mut u8, usize)> {
        let GuestMemory { memory, extent } = self.memories.get(index(memory.0))?;
        match extent.get() {
            Some((growths, known)) if growths == self.growths => Some(known),
            _ => {
                let known = raw_extent(*memory)?;
                extent.set(Some((self.growths, known)));
                Some(known)
            }
        }
    }

    /// Has memories asked for again where they lie: one of them is about to grow.
    pub(crate) fn memory_grows(&mut self) {
        self.growths = self.growths.wrapping_add(1);
    }

    /// Returns two memories, which may be one and the same, to copy between.
    pub(crate) fn memory_pair(
        &mut self,
        a: MemId,
        b: MemId,
    ) -> Option<(RawMemory<'_>, RawMemory<'_>)> {
        let find = |id: MemId| {
            let memory = self.memories.get(index(id.0))?;
            Some(RawMemory {
                memory: memory.memory,
                core: PhantomData,
            })
        };
        Some((find(a)?, find(b)?))
    }

    /// Returns what interrupts guests of this store from another thread. The first time, no guest may run: the executor is used on
    /// another thread then.
    pub(crate) fn interrupter(&mut self) -> Result<Interrupter, NotCreated> {
        if !self.interrupter.is_armed() {
            if !self.lent.get().is_null() {
                return Err(NotCreated(
                    "an interrupt handle while a guest runs; the first has to be made before",
                ));
            }
            self.interrupter.arm(self.executor)?;
        }
        Ok(self.interrupter.clone())
    }

    /// Forgets an interruption that no guest has noticed.
    pub(crate) fn clear_interruption(&mut self) {
        self.interrupter.clear(self.executor);
    }
}

/// Finds out whether there is address space for memories. One for which there is none comes into being all the same, but without pages,
/// and then its guest traps out of bounds.
#[derive(Default)]
pub(crate) struct Room(Vec<ProbedMemory>);

impl Room {
    /// Tells whether there is room for a memory of so many pages, besides those that were asked for before.
    pub(crate) fn has(&mut self, pages: u64) -> bool {
        let probe = ProbedMemory::new(pages);
        let has_room = probe.pages() == pages;
        self.0.push(probe);
        has_room
    }
}

/// A memory that no guest has.
struct ProbedMemory(*mut ffi::WasmEdge_MemoryInstanceContext);

impl ProbedMemory {
    fn new(pages: u64) -> Self {
        // SAFETY: gives a new object.
        let limit = unsafe { ffi::WasmEdge_LimitCreate(pages, false) };
        // SAFETY: the limit is alive, and is copied.
        let ty = unsafe { ffi::WasmEdge_MemoryTypeCreate(limit) };
        // SAFETY: made above, and used no more.
        unsafe { ffi::WasmEdge_LimitDelete(limit) };
        // SAFETY: the type is alive, and is copied.
        let memory = unsafe { ffi::WasmEdge_MemoryInstanceCreate(ty) };
        // SAFETY: made above, and used no more.
        unsafe { ffi::WasmEdge_MemoryTypeDelete(ty) };
        Self(memory)
    }

    fn pages(&self) -> u64 {
        // SAFETY: made in `new`; of a null pointer, this is 0.
        unsafe { ffi::WasmEdge_MemoryInstanceGetPageSize(self.0) }
    }
}

impl Drop for ProbedMemory {
    fn drop(&mut self) {
        // SAFETY: made in `new`; a null pointer is left alone.
        unsafe { ffi::WasmEdge_MemoryInstanceDelete(self.0) };
    }
}

fn raw_extent(memory: *mut ffi::WasmEdge_MemoryInstanceContext) -> Option<(*mut u8, usize)> {
    // SAFETY: callers have the memory from a `Core` that is alive.
    let pages = unsafe { ffi::WasmEdge_MemoryInstanceGetPageSize(memory) };
    let length = pages.checked_mul(PAGE)?;
    if length == 0 {
        return None;
    }
    // SAFETY: as above; the C API checks that so many bytes are there.
    let pointer = unsafe { ffi::WasmEdge_MemoryInstanceGetPointer(memory, 0, length) };
    if pointer.is_null() {
        return None;
    }
    Some((pointer, usize::try_from(length).ok()?))
}

/// A memory that is copied from and to, without references to its bytes.
pub(crate) struct RawMemory<'a> {
    memory: *mut ffi::WasmEdge_MemoryInstanceContext,
    core: PhantomData<&'a mut ()>,
}

impl RawMemory<'_> {
    fn place(&self, offset: u32, length: usize) -> Result<*mut u8, OutOfBounds> {
        let (pointer, size) = raw_extent(self.memory).ok_or(OutOfBounds)?;
        let start = usize::try_from(offset).map_err(|_too_large| OutOfBounds)?;
        let end = start.checked_add(length).ok_or(OutOfBounds)?;
        if end > size {
            return Err(OutOfBounds);
        }
        // SAFETY: `start` is within the bytes that begin at `pointer`.
        Ok(unsafe { pointer.add(start) })
    }
}

impl Memory for RawMemory<'_> {
    fn length(&self) -> u64 {
        raw_extent(self.memory).map_or(0, |(_, length)| u64::try_from(length).unwrap_or(u64::MAX))
    }

    fn read(&self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        if bytes.is_empty() && u64::from(offset) <= self.length() {
            return Ok(());
        }
        let source = self.place(offset, bytes.len())?;
        // SAFETY: so many bytes are at `source`, as was checked; `bytes` is memory of the host's, so they do not overlap.
        unsafe { ptr::copy_nonoverlapping(source, bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        if bytes.is_empty() && u64::from(offset) <= self.length() {
            return Ok(());
        }
        let target = self.place(offset, bytes.len())?;
        // SAFETY: as in `read`.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len()) };
        Ok(())
    }
}

/// Calls a core function. `results` says which results it has, and takes them.
pub(crate) fn invoke<H: Host>(
    host: &mut H,
    function: FuncId,
    params: &[CoreVal],
    results: &[FlatType],
) -> Result<Vec<CoreVal>, Stop> {
    let signature = Stop::Engine(Code(ffi::WasmEdge_ErrCode_FuncSigMismatch));
    if params.len() > MAX_VALUES || results.len() > MAX_VALUES {
        return Err(signature);
    }
    let core = host.core();
    let types = core.types;
    let executor = core.executor;
    let function = *core
        .functions
        .get(index(function.0))
        .ok_or(Stop::Engine(Code(ffi::WasmEdge_ErrCode_FuncNotFound)))?;
    let empty = types.value(CoreVal::I32(0));
    let mut passed = [empty; MAX_VALUES];
    for (place, value) in passed.iter_mut().zip(params) {
        *place = types.value(*value);
    }
    let mut returned = [empty; MAX_VALUES];
    let (passed, returned_at) = (passed.as_ptr(), returned.as_mut_ptr());
    let result = lending(host, || {
        // SAFETY: executor and function live as long as the host's `Core`; the arrays hold as many values as is said, and WasmEdge
        // checks their number and types against the function's.
        unsafe {
            ffi::WasmEdge_ExecutorInvoke(
                executor,
                function,
                passed,
                id(params),
                returned_at,
                id(results),
            )
        }
    });
    check(result)?;
    let values = results.iter().zip(&returned);
    Ok(values.map(|(ty, value)| core_val(*ty, value)).collect())
}

/// Instantiates a module under a name, and runs its start function.
pub(crate) fn instantiate<H: Host>(
    host: &mut H,
    linkage: LinkageId,
    module: &Arc<Module>,
    instance_name: &str,
) -> Result<InstanceId, Stop> {
    let generic = |_: NotCreated| Stop::Engine(Code(ffi::WasmEdge_ErrCode_RuntimeError));
    let instance_name = name(instance_name).map_err(generic)?;
    let core = host.core();
    let executor = core.executor;
    let space = core.space(linkage).map_err(generic)?;
    let store = space.store;
    space.modules.push(Arc::clone(module));
    let mut instance = ptr::null_mut();
    let place = &raw mut instance;
    let result = lending(host, || {
        // SAFETY: all are alive; the module was validated; the name is copied.
        unsafe { ffi::WasmEdge_ExecutorRegister(executor, place, store, module.raw, instance_name) }
    });
    check(result)?;
    let core = host.core();
    core.space(linkage).map_err(generic)?.guests.push(instance);
    let handle = InstanceId(id(&core.instances));
    core.instances.push(instance);
    Ok(handle)
}

/// Lends the host to callbacks while `enter` is in the guest.
fn lending<H: Host, R>(host: &mut H, enter: impl FnOnce() -> R) -> R {
    let cell: *const Cell<*mut H> = &raw const *host.core().lent;
    let lent: *mut H = host;
    // SAFETY: the cell is in a box that the host's `Core` keeps, and is used by this thread alone.
    let outer = unsafe { (*cell).replace(lent) };
    let result = enter();
    // SAFETY: as above: the host is alive, for it is borrowed by our caller.
    unsafe { (*cell).set(outer) };
    result
}

/// What WasmEdge calls for each host function.
///
/// # Safety
///
/// `data` is a `Binding<H>`, and `params` and `returned` hold as many values as its signature has: WasmEdge has the same signature from
/// `host_function`, and calls with it only.
unsafe extern "C" fn callback<H: Host>(
    data: *mut c_void,
    _: *const ffi::WasmEdge_CallingFrameContext,
    params: *const ffi::WasmEdge_Value,
    returned: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    // SAFETY: see above.
    let binding = unsafe { &*data.cast::<Binding<H>>() };
    // SAFETY: the cell lives as long as the `Core` that the binding belongs to.
    let host = unsafe { (*binding.lent).get() };
    let succeeded = !host.is_null() && {
        // SAFETY: whoever entered the guest has lent the host, and waits for us.
        let host = unsafe { &mut *host };
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let mut buffers = binding.buffers.take().unwrap_or_default();
            let Buffers { arguments, results } = &mut *buffers;
            arguments.clear();
            results.clear();
            let types = &binding.signature.params;
            if !types.is_empty() {
                // SAFETY: there are as many values as the signature has parameters, and nobody changes them while we look.
                let values = unsafe { slice::from_raw_parts(params, types.len()) };
                arguments.extend(
                    types
                        .iter()
                        .zip(values)
                        .map(|(ty, value)| core_val(*ty, value)),
                );
            }
            let done = host.host_call(&binding.callee, arguments, results);
            if done {
                let types = binding.signature.results.iter();
                for (position, ty) in types.enumerate() {
                    let value = results.get(position).copied();
                    let value = value
                        .filter(|value| value.ty() == *ty)
                        .unwrap_or(CoreVal::I32(0));
                    // SAFETY: there is space for as many values as the signature has results.
                    let place = unsafe { returned.add(position) };
                    // SAFETY: as above.
                    unsafe { place.write(binding.types.value(value)) };
                }
            }
            binding.buffers.set(Some(buffers));
            done
        }));
        ran.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let text = text.unwrap_or("no message").to_owned();
            // What a panic carries may panic again when it is dropped.
            std::mem::forget(panic);
            catch_unwind(AssertUnwindSafe(|| host.panicked(text))).unwrap_or_default();
            false
        })
    };
    if succeeded {
        return ffi::WasmEdge_Result { Code: 0 };
    }
    // SAFETY: gives a value.
    unsafe { ffi::WasmEdge_ResultGen(ffi::WasmEdge_ErrCategory_UserLevelError, HOST_FAILED) }
}

impl<H> Drop for Core<H> {
    fn drop(&mut self) {
        self.interrupter.disarm();
        for linkage in self.linkages.drain(..).rev() {
            drop(linkage);
        }
        // SAFETY: made in `new`; nothing that belongs to it is used from here on.
        unsafe { ffi::WasmEdge_ExecutorDelete(self.executor) };
    }
}

impl Drop for Linkage {
    fn drop(&mut self) {
        // SAFETY: made in `linkage`; a null pointer is left alone.
        unsafe { ffi::WasmEdge_StoreDelete(self.store) };
        // Later instances refer to earlier ones.
        for guest in self.guests.drain(..).rev() {
            // SAFETY: made in `instantiate`, and deleted here only.
            unsafe { ffi::WasmEdge_ModuleInstanceDelete(guest) };
        }
        // SAFETY: made in `linkage`; a null pointer is left alone.
        unsafe { ffi::WasmEdge_ModuleInstanceDelete(self.host) };
    }
}

impl<H> std::fmt::Debug for Core<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}

/// Stops the guests of one executor from another thread.
///
/// WasmEdge has the means for functions that it runs on a thread of its own, `WasmEdge_AsyncCancel`, which tells the executor to stop at
/// the next branch or call. That is a matter of the executor and not of the function: so one function is run that way, which does
/// nothing, and what is left of it stops whatever the executor runs later, on whichever thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupter(Arc<Mutex<Armed>>);

#[derive(Debug)]
struct Armed {
    handle: *mut ffi::WasmEdge_Async,
    function: *mut ffi::WasmEdge_FunctionInstanceContext,
}

impl Default for Armed {
    fn default() -> Self {
        Self {
            handle: ptr::null_mut(),
            function: ptr::null_mut(),
        }
    }
}

// SAFETY: the handle is used under the lock, and `WasmEdge_AsyncCancel` is made for other threads: it sets an atomic flag.
unsafe impl Send for Armed {}

impl Interrupter {
    fn armed(&self) -> std::sync::MutexGuard<'_, Armed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_armed(&self) -> bool {
        !self.armed().handle.is_null()
    }

    /// Stops what runs, or what runs next.
    pub(crate) fn interrupt(&self) {
        let armed = self.armed();
        if !armed.handle.is_null() {
            // SAFETY: the executor is alive: it is disarmed before it goes, under this lock.
            unsafe { ffi::WasmEdge_AsyncCancel(armed.handle) };
        }
    }

    /// To be called once, and while no guest runs.
    fn arm(&self, executor: *mut ffi::WasmEdge_ExecutorContext) -> Result<(), NotCreated> {
        let mut armed = self.armed();
        let function = create_nothing()?;
        // SAFETY: both are alive, and nothing else runs on the executor, as the caller has made sure.
        let handle =
            unsafe { ffi::WasmEdge_ExecutorAsyncInvoke(executor, function, ptr::null(), 0) };
        if handle.is_null() {
            // SAFETY: made above, and used no more.
            unsafe { ffi::WasmEdge_FunctionInstanceDelete(function) };
            return Err(NotCreated("a thread"));
        }
        // SAFETY: made above. From here on nothing but this handle remembers that something ran.
        unsafe { ffi::WasmEdge_AsyncWait(handle) };
        armed.handle = handle;
        armed.function = function;
        Ok(())
    }

    /// An executor that was told to stop notices it when it enters a function next, and forgets it then.
    fn clear(&self, executor: *mut ffi::WasmEdge_ExecutorContext) {
        let armed = self.armed();
        if !armed.function.is_null() {
            // SAFETY: both are alive; the function has neither parameters nor results. Whether it ran does not matter.
            let _ = unsafe {
                ffi::WasmEdge_ExecutorInvoke(
                    executor,
                    armed.function,
                    ptr::null(),
                    0,
                    ptr::null_mut(),
                    0,
                )
            };
        }
    }

    /// To be called before the executor goes.
    fn disarm(&self) {
        let mut armed = self.armed();
        let handle = std::mem::replace(&mut armed.handle, ptr::null_mut());
        let function = std::mem::replace(&mut armed.function, ptr::null_mut());
        if !handle.is_null() {
            // SAFETY: made in `arm`, and used no more.
            unsafe { ffi::WasmEdge_AsyncDelete(handle) };
        }
        if !function.is_null() {
            // SAFETY: made in `arm`, belongs to no module, and is used no more.
            unsafe { ffi::WasmEdge_FunctionInstanceDelete(function) };
        }
    }
}

/// Makes a function that does nothing.
fn create_nothing() -> Result<*mut ffi::WasmEdge_FunctionInstanceContext, NotCreated> {
    // SAFETY: a type without parameters and results.
    let ty = unsafe { ffi::WasmEdge_FunctionTypeCreate(ptr::null(), 0, ptr::null(), 0) };
    // SAFETY: the type is copied; the function needs no data.
    let function =
        unsafe { ffi::WasmEdge_FunctionInstanceCreate(ty, Some(nothing), ptr::null_mut(), 0) };
    // SAFETY: made above, and used no more.
    unsafe { ffi::WasmEdge_FunctionTypeDelete(ty) };
    if function.is_null() {
        return Err(NotCreated("a function"));
    }
    Ok(function)
}

/// A host function that does nothing.
unsafe extern "C" fn nothing(
    _: *mut c_void,
    _: *const ffi::WasmEdge_CallingFrameContext,
    _: *const ffi::WasmEdge_Value,
    _: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    ffi::WasmEdge_Result { Code: 0 }
}
