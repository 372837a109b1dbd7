/* What the headers of WasmEdge include: the compiler's own headers, and the C library's. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
