//! The memory into which callers copy their arguments. Each call reuses it.

use core::arch::wasm32::{memory_grow, memory_size, unreachable};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const PAGE: usize = 65536;

unsafe extern "C" {
    /// The linker's name for the end of the stack and of static data.
    static __heap_base: u8;
}

/// The bytes of the heap that hold arguments of the current call.
static USED: AtomicUsize = AtomicUsize::new(0);

/// Frees the arguments of the current call.
pub(crate) fn free_all() {
    USED.store(0, Relaxed);
}

/// Allocates memory for an argument. It is never read, so old content is not moved.
#[unsafe(export_name = "cabi_realloc")]
extern "C" fn allocate(_old: usize, _old_size: usize, align: usize, size: usize) -> usize {
    let heap = (&raw const __heap_base).addr();
    let start = (heap + USED.load(Relaxed)).checked_next_multiple_of(align);
    let range = start.and_then(|start| Some((start, start.checked_add(size)?)));
    let Some((start, end)) = range else {
        unreachable()
    };
    let missing = end.div_ceil(PAGE).saturating_sub(memory_size::<0>());
    if missing > 0 && memory_grow::<0>(missing) == usize::MAX {
        unreachable();
    }
    USED.store(end - heap, Relaxed);
    start
}
