//! Code that the fuzz targets share: see the README.

pub mod component;
pub mod generate;
pub mod resources;
