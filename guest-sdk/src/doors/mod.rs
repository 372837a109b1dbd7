//! The doors: other crates' interfaces in front of the direct one.
