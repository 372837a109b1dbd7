//! The input: requests as JSON lines, and the errors in them.

use serde::Deserialize;
use thiserror::Error;

use crate::imported::shop::pricing::quotes::Refusal;

const MAX_NAME: usize = 64;
const MAX_ITEMS: usize = 50;
const MAX_QUANTITY: u32 = 999;

/// A client's request.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) action: Action,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub(crate) enum Action {
    /// Opens a basket under a name.
    Open {
        basket: String,
        customer: String,
        country: String,
        #[serde(default)]
        member: bool,
    },
    /// Adds items. With `partial`, adds the remaining pieces of articles of which there are too
    /// few.
    Add {
        basket: String,
        items: Vec<Item>,
        #[serde(default)]
        partial: bool,
    },
    Redeem {
        basket: String,
        coupon: String,
    },
    Quote {
        basket: String,
    },
    Close {
        basket: String,
    },
}

#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    pub(crate) sku: String,
    pub(crate) quantity: u32,
}

/// The reason why a request is refused.
#[derive(Debug, Error)]
pub(crate) enum Problem {
    #[error("the line is no request: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("{0}")]
    Invalid(&'static str),
    #[error("there is no basket {0}")]
    UnknownBasket(String),
    #[error("there is a basket {0} already")]
    BasketExists(String),
    #[error("{0} baskets are open, and no more can be")]
    TooManyBaskets(usize),
    #[error("{}", describe(.0))]
    Refused(Refusal),
}

impl Problem {
    /// Returns a short name for answers, metrics and logs, one of a fixed set.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Invalid(_) => "invalid",
            Self::UnknownBasket(_) => "unknown_basket",
            Self::BasketExists(_) => "basket_exists",
            Self::TooManyBaskets(_) => "too_many_baskets",
            Self::Refused(refusal) => match refusal {
                Refusal::UnknownArticle(_) => "unknown_article",
                Refusal::Short(_) => "short",
                Refusal::InvalidCoupon(_) => "invalid_coupon",
                Refusal::NoDelivery(_) => "no_delivery",
                Refusal::Empty => "empty",
            },
        }
    }
}

/// Explains the other component's refusal to a client.
fn describe(refusal: &Refusal) -> String {
    match refusal {
        Refusal::UnknownArticle(sku) => format!("there is no article {sku}"),
        Refusal::Short(shortage) => format!(
            "{} of {} are wanted, {} are left",
            shortage.item.quantity, shortage.item.sku, shortage.available
        ),
        Refusal::InvalidCoupon((code, Some(since))) => {
            format!("the coupon {code} is not valid any more since {since}")
        }
        Refusal::InvalidCoupon((code, None)) => format!("there is no coupon {code}"),
        Refusal::NoDelivery(country) => format!("nothing is delivered to {country}"),
        Refusal::Empty => "the basket is empty".to_owned(),
    }
}

impl Request {
    /// Parses a request from a line.
    #[tracing::instrument(name = "parse", level = "debug", skip_all, err(level = "debug"), fields(line.bytes = line.len()))]
    pub(crate) fn parse(line: &str) -> Result<Self, Problem> {
        let request: Self = serde_json::from_str(line)?;
        check_name(&request.id, "the id is not 1 to 64 bytes long")?;
        Ok(request)
    }
}

impl Action {
    /// Returns a short name for metrics and spans.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Add { .. } => "add",
            Self::Redeem { .. } => "redeem",
            Self::Quote { .. } => "quote",
            Self::Close { .. } => "close",
        }
    }

    /// Checks the request without a call to the pricing service.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        match self {
            Self::Open {
                basket,
                customer,
                country,
                member: _,
            } => {
                check_name(basket, "the basket's name is not 1 to 64 bytes long")?;
                check_name(customer, "the customer's name is not 1 to 64 bytes long")?;
                if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
                    return Err(Problem::Invalid("the country is not two capital letters"));
                }
            }
            Self::Add { items, .. } => {
                if items.is_empty() || items.len() > MAX_ITEMS {
                    return Err(Problem::Invalid("there are not 1 to 50 items"));
                }
                if items
                    .iter()
                    .any(|item| !(1..=MAX_QUANTITY).contains(&item.quantity))
                {
                    return Err(Problem::Invalid("a quantity is not 1 to 999"));
                }
            }
            Self::Redeem { coupon, .. } => {
                check_name(coupon, "the coupon is not 1 to 64 bytes long")?;
            }
            Self::Quote { .. } | Self::Close { .. } => {}
        }
        Ok(())
    }
}

fn check_name(name: &str, otherwise: &'static str) -> Result<(), Problem> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Problem::Invalid(otherwise));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_checked_without_a_call() {
        for (line, reason) in [
            (r#"{"id":"1","do":"quote","basket":"b"}"#, None),
            (r#"{"id":"","do":"quote","basket":"b"}"#, Some("invalid")),
            (
                r#"{"id":"1","do":"juggle","basket":"b"}"#,
                Some("malformed"),
            ),
            (
                r#"{"id":"1","do":"add","basket":"b","items":[]}"#,
                Some("invalid"),
            ),
            (
                r#"{"id":"1","do":"add","basket":"b","items":[{"sku":"A","quantity":0}]}"#,
                Some("invalid"),
            ),
            (
                r#"{"id":"1","do":"open","basket":"b","customer":"Ada","country":"de"}"#,
                Some("invalid"),
            ),
        ] {
            let problem = Request::parse(line)
                .and_then(|request| request.action.check())
                .err();
            assert_eq!(problem.as_ref().map(Problem::reason), reason, "{line}");
        }
    }
}
