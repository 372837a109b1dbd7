//! The names that most instrumented code needs, for `use wasmscope::prelude::*;`.
//!
//! ```
//! use wasmscope::prelude::*;
//!
//! static TRACER: Tracer = wasmscope::tracer!();
//! static METER: Meter = wasmscope::meter!();
//! static ORDERS: Counter<u64> = Counter::new(&METER, "orders");
//!
//! let span = TRACER.enter("take order");
//! ORDERS.add(1, attributes!["free" => false]);
//! span.set_status(Status::Ok);
//! ```

pub use crate::logs::{AnyValue, Logger, OwnedValue};
pub use crate::metrics::{
    Counter, Gauge, Histogram, Meter, ObservableCounter, ObservableGauge, ObservableUpDownCounter,
    UpDownCounter,
};
pub use crate::scope::Scope;
pub use crate::trace::{Span, Tracer};
pub use crate::types::{Severity, SpanKind, Status};
pub use crate::{attributes, fields};
