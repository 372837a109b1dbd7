//! The view as a whole. The snapshots beside this file are what people see.

mod demo;
mod fixture;
mod folded;
mod hostile;
mod json;
mod view;
