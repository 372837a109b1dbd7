//! The direct API against the recorder: what authors' own tests would see.

mod context;
mod end;
mod logs;
mod metrics;
mod traces;
