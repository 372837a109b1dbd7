//! Generates the types, values and handle operations of the fuzz target.

pub mod generate;
pub mod resources;
