//! Fields that have been visited, until they are passed on.

mod arrays;
mod buffer;
mod logs;
mod written;

pub(super) use buffer::{Fields, Packed, Text};
