//! The contents of a basket, and their price.

use thiserror::Error;
use wasmscope::attributes;

use crate::catalogue::{self, Article, TaxClass};
use crate::quotes::{Coupon, Customer, Item, Line, Quote, Reduction};
use crate::telemetry::{self, TRACER};

/// The number of pieces of an article from which it is cheaper.
const DOZEN: u32 = 12;
const DOZEN_PERCENT: u8 = 10;
const MEMBER_PERCENT: u8 = 5;

/// The contents of a basket.
#[derive(Debug)]
pub(crate) struct Contents {
    customer: Customer,
    items: Vec<(&'static Article, u32)>,
    coupon: Option<Coupon>,
}

/// The reason why a request is refused.
#[derive(Debug, Error)]
pub(crate) enum Refused {
    #[error("there is no article {0}")]
    UnknownArticle(String),
    #[error("{} of {} are wanted, {available} are left", item.quantity, item.sku)]
    Short { item: Item, available: u32 },
    #[error("the coupon {code} is not valid")]
    InvalidCoupon {
        code: String,
        expired: Option<&'static str>,
    },
    #[error("nothing is delivered to {0}")]
    NoDelivery(String),
    #[error("the basket is empty")]
    Empty,
}

impl Refused {
    /// Returns a short name for metrics, one of a fixed set.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::UnknownArticle(_) => "unknown_article",
            Self::Short { .. } => "short",
            Self::InvalidCoupon { .. } => "invalid_coupon",
            Self::NoDelivery(_) => "no_delivery",
            Self::Empty => "empty",
        }
    }
}

impl Contents {
    /// Opens an empty basket.
    #[tracing::instrument(name = "basket.open", skip_all, fields(customer.country = customer.country, customer.member = customer.member))]
    pub(crate) fn new(customer: Customer) -> Self {
        telemetry::basket_opened();
        Self {
            customer,
            items: Vec::new(),
            coupon: None,
        }
    }

    /// Adds all items or none. Returns the number of pieces in the basket.
    #[tracing::instrument(name = "basket.add", skip_all, err(level = "debug"), fields(items = items.len(), pieces))]
    pub(crate) fn add(&mut self, items: Vec<Item>) -> Result<u32, Refused> {
        let mut taken = Vec::with_capacity(items.len());
        for item in items.into_iter().filter(|item| item.quantity > 0) {
            match take(item) {
                Ok(pieces) => taken.push(pieces),
                Err(refused) => {
                    put_back(&taken);
                    return Err(refused);
                }
            }
        }
        for (article, quantity) in taken {
            catalogue::warn_if_low(article);
            match self
                .items
                .iter_mut()
                .find(|(known, _)| known.sku == article.sku)
            {
                Some((_, pieces)) => *pieces += quantity,
                None => self.items.push((article, quantity)),
            }
        }
        let pieces = self.items.iter().map(|(_, quantity)| quantity).sum();
        tracing::Span::current().record("pieces", pieces);
        Ok(pieces)
    }

    /// Accepts a coupon, which replaces an earlier one.
    #[tracing::instrument(name = "basket.redeem", skip_all, err(level = "debug"), fields(coupon.code = code))]
    pub(crate) fn redeem(&mut self, code: String) -> Result<Coupon, Refused> {
        match catalogue::coupon(&code) {
            Ok(percent) => {
                let coupon = Coupon { code, percent };
                self.coupon = Some(coupon.clone());
                Ok(coupon)
            }
            Err(expired) => Err(Refused::InvalidCoupon { code, expired }),
        }
    }

    /// Calculates the price.
    #[tracing::instrument(name = "basket.quote", skip_all, err(level = "debug"), fields(quote.lines = self.items.len(), quote.total))]
    pub(crate) fn quote(&self) -> Result<Quote, Refused> {
        let quoted = self.price();
        match &quoted {
            Ok(quote) => {
                tracing::Span::current().record("quote.total", quote.total);
                telemetry::quoted(quote);
            }
            Err(refused) => telemetry::refused(refused),
        }
        quoted
    }

    fn price(&self) -> Result<Quote, Refused> {
        if self.items.is_empty() {
            return Err(Refused::Empty);
        }
        let country = &self.customer.country;
        let rates =
            catalogue::tax_rates(country).ok_or_else(|| Refused::NoDelivery(country.clone()))?;
        let lines: Vec<_> = self.items.iter().map(line).collect();
        let gross: u64 = lines.iter().map(|line| line.price).sum();
        let mut net = gross;
        let mut reductions = Vec::new();
        if self.customer.member {
            net = less(net, MEMBER_PERCENT);
            reductions.push(Reduction::Membership(MEMBER_PERCENT));
        }
        if let Some(coupon) = &self.coupon {
            net = less(net, coupon.percent);
            reductions.push(Reduction::Coupon(coupon.clone()));
        }
        let tax = self.tax(&lines, rates, (net, gross));
        Ok(Quote {
            lines,
            reductions,
            net,
            tax,
            total: net + tax,
        })
    }

    /// Taxes the remainder of each line after the reductions, which are spread over the lines by
    /// their price.
    fn tax(
        &self,
        lines: &[Line],
        (standard, reduced): (u64, u64),
        (net, gross): (u64, u64),
    ) -> u64 {
        let span = TRACER
            .span("tax")
            .with_attributes(attributes!["customer.country" => &self.customer.country])
            .start();
        let tax = lines.iter().zip(&self.items).map(|(line, (article, _))| {
            let rate = match article.tax {
                TaxClass::Standard => standard,
                TaxClass::Reduced => reduced,
            };
            line.price * net * rate / (gross * 100)
        });
        let tax = tax.sum();
        span.set_attribute("tax.cents", i64::try_from(tax).unwrap_or(i64::MAX));
        tax
    }

    /// Closes the basket and returns its pieces to the stock.
    #[tracing::instrument(name = "basket.close", skip_all, fields(items = self.items.len()))]
    pub(crate) fn give_back(&mut self) {
        put_back(&std::mem::take(&mut self.items));
        telemetry::basket_closed();
    }
}

fn take(item: Item) -> Result<(&'static Article, u32), Refused> {
    let Some(article) = catalogue::find(&item.sku) else {
        return Err(Refused::UnknownArticle(item.sku));
    };
    match catalogue::take(article, item.quantity) {
        Ok(()) => Ok((article, item.quantity)),
        Err(available) => Err(Refused::Short { item, available }),
    }
}

fn put_back(items: &[(&'static Article, u32)]) {
    for (article, quantity) in items {
        catalogue::put_back(article, *quantity);
    }
}

fn line(&(article, quantity): &(&'static Article, u32)) -> Line {
    let full = article.price * u64::from(quantity);
    let (price, reductions) = if quantity >= DOZEN {
        let reduction = Reduction::Dozen(DOZEN_PERCENT);
        (less(full, DOZEN_PERCENT), vec![reduction])
    } else {
        (full, Vec::new())
    };
    Line {
        item: Item {
            sku: article.sku.to_owned(),
            quantity,
        },
        price,
        reductions,
    }
}

fn less(cents: u64, percent: u8) -> u64 {
    cents - cents * u64::from(percent) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basket(country: &str, member: bool) -> Contents {
        Contents::new(Customer {
            name: "Ada".to_owned(),
            country: country.to_owned(),
            member,
        })
    }

    fn items(items: &[(&str, u32)]) -> Vec<Item> {
        let item = |&(sku, quantity): &(&str, u32)| Item {
            sku: sku.to_owned(),
            quantity,
        };
        items.iter().map(item).collect()
    }

    #[test]
    fn reductions_apply_in_sequence_before_tax() {
        let mut basket = basket("DE", true);
        basket
            .add(items(&[("MUG-STONE-300", 2), ("TEA-ASSAM-250", 12)]))
            .expect("enough");
        basket.redeem("TEATIME10".to_owned()).expect("a coupon");
        let quote = basket.quote().expect("a quote");
        // 29.00 for the mugs, 106.80 minus a tenth for the tea.
        assert_eq!(quote.lines[0].price, 2900);
        assert_eq!(quote.lines[1].price, 9612);
        assert_eq!(quote.net, (12512 - 625) - 1188);
        assert_eq!(
            quote.tax,
            2900 * 10699 * 19 / 1_251_200 + 9612 * 10699 * 7 / 1_251_200
        );
        assert_eq!(quote.total, quote.net + quote.tax);
    }

    #[test]
    fn refused_items_change_neither_basket_nor_stock() {
        let mut one = basket("DE", false);
        one.add(items(&[("KETTLE-GOOSE", 1)])).expect("enough");
        let refused = one
            .add(items(&[("KETTLE-GOOSE", 2), ("POT-IRON-800", 7)]))
            .expect_err("too many");
        assert!(matches!(refused, Refused::Short { available: 6, .. }));
        assert_eq!(one.quote().expect("a quote").lines.len(), 1);

        let mut other = basket("DE", false);
        assert_eq!(other.add(items(&[("KETTLE-GOOSE", 3)])).expect("enough"), 3);
        let _ = other
            .add(items(&[("KETTLE-GOOSE", 1)]))
            .expect_err("none left");
        one.give_back();
        assert_eq!(other.add(items(&[("KETTLE-GOOSE", 1)])).expect("enough"), 4);
    }
}
