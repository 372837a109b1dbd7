//! The `tracing` door.

mod builder;
mod events;
mod ext;
mod fields;
mod scopes;
mod spans;
mod stack;
#[expect(clippy::module_inception, reason = "the subscriber itself")]
mod subscriber;
#[cfg(test)]
mod tests;
mod visitor;

pub use builder::{Builder, Events};
pub use ext::{SetParentError, SpanExt};
pub use subscriber::Subscriber;

/// Makes a subscriber with the defaults the program's, the first time, unless the program has one.
pub(crate) fn install() {
    static INSTALLED: std::sync::Once = std::sync::Once::new();
    INSTALLED.call_once(|| crate::subscriber().init());
}
