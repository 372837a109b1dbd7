//! A program that panics while spans of `tracing` are made and not entered.

use tracing::info_span;

fn main() {
    let _telemetry = wasmscope::init();
    let _request = info_span!("request");
    let order = info_span!("order").entered();
    let _item = info_span!("item", item.count = 2);
    let _sibling = info_span!(parent: &order, "sibling");
    drop(info_span!("closed before"));
    panic!("");
}
