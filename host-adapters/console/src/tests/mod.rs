//! Tests of the whole view. The snapshots are beside this file.

mod demo;
mod fixture;
mod folded;
mod hostile;
mod json;
mod view;
