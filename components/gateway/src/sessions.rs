//! The baskets of clients: handles to resources of the other component.

use std::collections::BTreeMap;

use crate::answer::{Outcome, Short};
use crate::imported::shop::pricing::quotes::{Basket, Customer, Item, Refusal};
use crate::request::{self, Action, Problem};
use crate::telemetry;

const MAX_BASKETS: usize = 100;

/// The open baskets, by the names that clients gave them.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    baskets: BTreeMap<String, Basket>,
}

impl Sessions {
    /// Executes a client's request.
    ///
    /// # Errors
    ///
    /// Fails if there is no such basket, or if the other component refuses.
    pub(crate) fn act(&mut self, action: Action) -> Result<Outcome, Problem> {
        match action {
            Action::Open {
                basket,
                customer: name,
                country,
                member,
            } => {
                let customer = Customer {
                    name,
                    country,
                    member,
                };
                self.open(basket, &customer)
            }
            Action::Add {
                basket,
                items,
                partial,
            } => {
                let items = items.into_iter().map(Item::from).collect();
                add(self.find(&basket)?, items, partial)
            }
            Action::Redeem { basket, coupon } => self
                .find(&basket)?
                .redeem(&coupon)
                .map(Outcome::from)
                .map_err(Problem::Refused),
            Action::Quote { basket } => self
                .find(&basket)?
                .quote()
                .map(Outcome::from)
                .map_err(Problem::Refused),
            Action::Close { basket } => match self.baskets.remove(&basket) {
                Some(closed) => {
                    // The other component returns its pieces to the stock.
                    drop(closed);
                    telemetry::set_sessions(self.baskets.len());
                    Ok(Outcome::Closed)
                }
                None => Err(Problem::UnknownBasket(basket)),
            },
        }
    }

    fn open(&mut self, name: String, customer: &Customer) -> Result<Outcome, Problem> {
        if self.baskets.contains_key(&name) {
            return Err(Problem::BasketExists(name));
        }
        if self.baskets.len() >= MAX_BASKETS {
            return Err(Problem::TooManyBaskets(MAX_BASKETS));
        }
        self.baskets.insert(name, Basket::new(customer));
        telemetry::set_sessions(self.baskets.len());
        Ok(Outcome::Opened)
    }

    fn find(&self, name: &str) -> Result<&Basket, Problem> {
        self.baskets
            .get(name)
            .ok_or_else(|| Problem::UnknownBasket(name.to_owned()))
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        if !self.baskets.is_empty() {
            tracing::warn!(baskets = self.baskets.len(), "baskets were left open");
        }
        self.baskets.clear();
        telemetry::set_sessions(0);
    }
}

/// Adds items to a basket. With `partial`, adds the remaining pieces of articles of which there are
/// too few.
fn add(basket: &Basket, mut items: Vec<Item>, partial: bool) -> Result<Outcome, Problem> {
    let mut short = Vec::new();
    loop {
        match basket.add(&items) {
            Ok(pieces) => return Ok(Outcome::Added { pieces, short }),
            // Each iteration leaves less of an item, so the loop ends.
            Err(Refusal::Short(shortage)) if partial => {
                let wanted = shortage.item.quantity;
                let found = items
                    .iter_mut()
                    .rfind(|item| item.sku == shortage.item.sku && item.quantity == wanted);
                match found {
                    Some(item) if shortage.available < wanted => item.quantity = shortage.available,
                    Some(_) | None => return Err(Problem::Refused(Refusal::Short(shortage))),
                }
                tracing::info!(
                    item.sku = shortage.item.sku,
                    wanted,
                    given = shortage.available,
                    "fewer pieces than wanted"
                );
                short.push(Short {
                    sku: shortage.item.sku,
                    wanted,
                    given: shortage.available,
                });
            }
            Err(refusal) => return Err(Problem::Refused(refusal)),
        }
    }
}

impl From<request::Item> for Item {
    fn from(item: request::Item) -> Self {
        Self {
            sku: item.sku,
            quantity: item.quantity,
        }
    }
}
