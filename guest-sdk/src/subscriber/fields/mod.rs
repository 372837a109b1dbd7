//! Visited fields that have not been sent yet.

mod arrays;
mod buffer;
mod logs;
mod written;

pub(super) use buffer::{Fields, Packed, Text};
