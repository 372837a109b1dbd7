//! Host functions that WasmEdge calls.

#![expect(unsafe_code, reason = "the C API is called here")]

use std::any::Any;
use std::cell::Cell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::rc::Rc;
use std::slice;

use component_model::engine::{CoreSignature, CoreVal, Host};
use wasmedge_sys::ffi;

use super::value::{ValTypes, core_val};

/// The error code of failed host functions. It is never shown.
const HOST_FAILED: u32 = 1;

/// The host, lent to the callbacks of a store while a guest runs, and null otherwise.
pub(super) type Lent<H> = Rc<Cell<*mut H>>;

/// The data of a host function.
pub(super) struct Binding<H: Host> {
    lent: Lent<H>,
    callee: H::Callee,
    signature: CoreSignature,
    types: ValTypes,
    /// The buffers of the last call, so that not every call allocates. A call takes them out,
    /// because the function may be called again before it returns.
    ///
    /// They are boxed so that taking them out moves one pointer.
    buffers: Cell<Option<Box<Buffers>>>,
}

/// A host function's arguments and results.
#[derive(Default)]
struct Buffers {
    arguments: Vec<CoreVal>,
    results: Vec<CoreVal>,
}

/// Owns a binding to which WasmEdge has a pointer. A `Box` would assert that its pointer is unique.
pub(super) struct BindingOwner(NonNull<dyn Any>);

impl<H: Host> Binding<H> {
    /// Makes the data of a host function.
    pub(super) fn new(
        lent: &Lent<H>,
        callee: H::Callee,
        signature: &CoreSignature,
        types: ValTypes,
    ) -> Self {
        Self {
            lent: Rc::clone(lent),
            callee,
            signature: signature.clone(),
            types,
            buffers: Cell::default(),
        }
    }

    /// Creates a function of this type that calls the host. It must not be called after the
    /// returned owner is dropped.
    pub(super) fn create(
        self,
        ty: *const ffi::WasmEdge_FunctionTypeContext,
    ) -> (*mut ffi::WasmEdge_FunctionInstanceContext, BindingOwner) {
        let binding = NonNull::from(Box::leak(Box::new(self)));
        // SAFETY: `ty` is alive, and is copied; `binding` points to a `Binding<H>`, as
        // `callback::<H>` expects, while the owner lives.
        let function = unsafe {
            ffi::WasmEdge_FunctionInstanceCreate(
                ty,
                Some(callback::<H>),
                binding.as_ptr().cast(),
                0,
            )
        };
        (function, BindingOwner(binding))
    }
}

impl Drop for BindingOwner {
    fn drop(&mut self) {
        // SAFETY: it comes from a box, in `create`, and is dropped here only.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// Lends the host to callbacks while `enter` runs the guest.
pub(super) fn lending<H: Host, R>(lent: &Lent<H>, host: *mut H, enter: impl FnOnce() -> R) -> R {
    let outer = lent.replace(host);
    let result = enter();
    lent.set(outer);
    result
}

/// The function that WasmEdge calls for each host function.
///
/// # Safety
///
/// `data` is a `Binding<H>`, and `params` and `returned` hold as many values as its signature has:
/// `define_function` passes the same signature to WasmEdge, which calls the function with no other.
unsafe extern "C" fn callback<H: Host>(
    data: *mut c_void,
    _: *const ffi::WasmEdge_CallingFrameContext,
    params: *const ffi::WasmEdge_Value,
    returned: *mut ffi::WasmEdge_Value,
) -> ffi::WasmEdge_Result {
    // SAFETY: see above.
    let binding = unsafe { &*data.cast::<Binding<H>>() };
    let host = binding.lent.get();
    let succeeded = !host.is_null() && {
        // SAFETY: the caller of the guest has lent the host, and waits for this function.
        let host = unsafe { &mut *host };
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let mut buffers = binding.buffers.take().unwrap_or_default();
            let Buffers { arguments, results } = &mut *buffers;
            arguments.clear();
            results.clear();
            let types = &binding.signature.params;
            if !types.is_empty() {
                // SAFETY: there are as many values as the signature has parameters, and they do not
                // change during the call.
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
                    let slot = unsafe { returned.add(position) };
                    // SAFETY: as above.
                    unsafe { slot.write(binding.types.value(value)) };
                }
            }
            binding.buffers.set(Some(buffers));
            done
        }));
        ran.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let text = text.unwrap_or("no message").to_owned();
            // Dropping the payload of a panic may panic again.
            std::mem::forget(panic);
            catch_unwind(AssertUnwindSafe(|| host.panicked(text))).unwrap_or_default();
            false
        })
    };
    if succeeded {
        return ffi::WasmEdge_Result { Code: 0 };
    }
    // SAFETY: returns a value.
    unsafe { ffi::WasmEdge_ResultGen(ffi::WasmEdge_ErrCategory_UserLevelError, HOST_FAILED) }
}
