//! The called half of the shop: prices baskets for components that import `shop:pricing/quotes`.
//!
//! It is a separate component with its own instrumentation. The host makes its spans children of
//! the caller's spans. Neither component knows of the other's telemetry.
//!
//! Each export holds a guard of the SDK, so that observable instruments are reported before it
//! returns. The component cannot know which call is the last.

mod basket;
mod catalogue;
mod telemetry;

use std::cell::RefCell;

use crate::basket::{Contents, Refused};
use exported::exports::shop::pricing::quotes::{
    self, Coupon, Customer, Guest, GuestBasket, Item, Quote, Refusal, Shortage,
};

#[expect(
    unsafe_code,
    reason = "what exports a function has to name it for the linker"
)]
mod exported {
    wit_bindgen::generate!({
        path: "wit",
        world: "service",
    });

    export!(Service with_types_in self);

    use super::Service;
}

struct Service;

impl Guest for Service {
    type Basket = Basket;
}

/// The resource behind a caller's handle.
struct Basket(RefCell<Contents>);

impl GuestBasket for Basket {
    fn new(customer: Customer) -> Self {
        let _telemetry = telemetry::start();
        Self(RefCell::new(Contents::new(customer)))
    }

    fn add(&self, items: Vec<Item>) -> Result<u32, Refusal> {
        let _telemetry = telemetry::start();
        Ok(self.0.borrow_mut().add(items)?)
    }

    fn redeem(&self, code: String) -> Result<Coupon, Refusal> {
        let _telemetry = telemetry::start();
        Ok(self.0.borrow_mut().redeem(code)?)
    }

    fn quote(&self) -> Result<Quote, Refusal> {
        let _telemetry = telemetry::start();
        Ok(self.0.borrow().quote()?)
    }
}

impl Drop for Basket {
    fn drop(&mut self) {
        let _telemetry = telemetry::start();
        self.0.get_mut().give_back();
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::UnknownArticle(sku) => Self::UnknownArticle(sku),
            Refused::Short { item, available } => Self::Short(Shortage { item, available }),
            Refused::InvalidCoupon { code, expired } => {
                Self::InvalidCoupon((code, expired.map(str::to_owned)))
            }
            Refused::NoDelivery(country) => Self::NoDelivery(country),
            Refused::Empty => Self::Empty,
        }
    }
}
