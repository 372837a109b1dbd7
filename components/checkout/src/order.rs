//! The input: orders as JSON lines.

use serde::Deserialize;
use thiserror::Error;

/// An order as a shop's front end writes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) customer: Customer,
    pub(crate) items: Vec<Item>,
    pub(crate) coupon: Option<String>,
    /// The trace context of the request that placed the order: the value of the header of that
    /// name.
    pub(crate) traceparent: Option<String>,
    #[cfg_attr(
        not(feature = "telemetry"),
        expect(dead_code, reason = "only used in the log")
    )]
    pub(crate) note: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Customer {
    pub(crate) name: String,
    pub(crate) country: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    pub(crate) sku: String,
    pub(crate) quantity: u32,
}

/// The reason why an order is rejected.
#[derive(Debug, Error)]
pub(crate) enum Rejection {
    #[error("the line is no order")]
    Malformed(#[from] serde_json::Error),
    #[error("the order has no items")]
    Empty,
    #[error("there is no article {0}")]
    UnknownArticle(String),
    #[error("the quantity of {0} is zero")]
    NoQuantity(String),
    #[error("{wanted} of {sku} are wanted, {left} are left")]
    OutOfStock { sku: String, wanted: u32, left: u32 },
    #[error("we do not deliver to {0}")]
    NoDelivery(String),
}

impl Rejection {
    /// Returns a short name for metrics and logs, one of a fixed set.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Empty => "empty",
            Self::UnknownArticle(_) => "unknown_article",
            Self::NoQuantity(_) => "no_quantity",
            Self::OutOfStock { .. } => "out_of_stock",
            Self::NoDelivery(_) => "no_delivery",
        }
    }
}

impl Order {
    /// Parses an order from a line.
    #[tracing::instrument(level = "debug", skip_all, err, fields(line.bytes = line.len()))]
    pub(crate) fn parse(line: &str) -> Result<Self, Rejection> {
        let order: Self = serde_json::from_str(line)?;
        if order.items.is_empty() {
            return Err(Rejection::Empty);
        }
        Ok(order)
    }
}
