//! Turns an order into a receipt.

use crate::order::{Order, Rejection};
use crate::stock::{Article, Stock, TaxClass};
use std::fmt;

/// The amounts that the customer pays, in cents.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) order: String,
    pub(crate) customer: String,
    pub(crate) net: u64,
    pub(crate) discount: u64,
    pub(crate) tax: u64,
    pub(crate) shipping: u64,
}

impl Receipt {
    /// Returns the total, in cents.
    pub(crate) fn total(&self) -> u64 {
        (self.net - self.discount)
            .saturating_add(self.tax)
            .saturating_add(self.shipping)
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total();
        write!(
            f,
            "{} {}.{:02} EUR for {}",
            self.order,
            total / 100,
            total % 100,
            self.customer
        )
    }
}

/// Prices an order and takes its items out of the warehouse. A rejected order does not change the
/// warehouse.
#[tracing::instrument(skip_all, err, fields(order.items = order.items.len(), price.net, price.discount))]
pub(crate) fn price(order: &Order, stock: &mut Stock) -> Result<Receipt, Rejection> {
    let rates = tax_rates(&order.customer.country)?;
    let mut articles = Vec::with_capacity(order.items.len());
    for (index, item) in order.items.iter().enumerate() {
        match stock.reserve(item) {
            Ok(article) => articles.push((article, item.quantity)),
            Err(rejection) => {
                for reserved in &order.items[..index] {
                    stock.put_back(reserved);
                }
                return Err(rejection);
            }
        }
    }
    let net = articles
        .iter()
        .map(|(article, quantity)| line_price(article, *quantity))
        .sum();
    let discount = discount(order, net);
    let span = tracing::Span::current();
    span.record("price.net", net)
        .record("price.discount", discount);
    let receipt = Receipt {
        order: order.id.clone(),
        customer: order.customer.name.clone(),
        net,
        discount,
        tax: tax(&articles, rates, net, discount),
        shipping: shipping(order, &articles),
    };
    Ok(receipt)
}

/// Prices twelve or more of one article at 10 percent off.
fn line_price(article: &Article, quantity: u32) -> u64 {
    let full = article.cents.saturating_mul(u64::from(quantity));
    if quantity >= 12 {
        full - full / 10
    } else {
        full
    }
}

fn discount(order: &Order, net: u64) -> u64 {
    match order.coupon.as_deref() {
        Some("TEATIME10") => net / 10,
        Some("FREESHIP") | None => 0,
        Some(coupon) => {
            tracing::info!(coupon, "a coupon that is not valid any more is ignored");
            0
        }
    }
}

/// Returns the value added tax of a country, in percent: standard and reduced rate.
fn tax_rates(country: &str) -> Result<(u64, u64), Rejection> {
    let rates = match country {
        "DE" => (19, 7),
        "FR" => (20, 5),
        "NL" => (21, 9),
        "SE" => (25, 12),
        "PL" => (23, 8),
        "IT" => (22, 10),
        "ES" => (21, 10),
        "DK" => (25, 25),
        "FI" => (25, 13),
        "PT" => (23, 6),
        "AT" => (20, 10),
        _ => return Err(Rejection::NoDelivery(country.to_owned())),
    };
    Ok(rates)
}

/// Taxes the amount after the discount, which is spread over the lines by their price.
#[tracing::instrument(level = "debug", skip_all, ret)]
fn tax(
    articles: &[(Article, u32)],
    (standard, reduced): (u64, u64),
    net: u64,
    discount: u64,
) -> u64 {
    let mut tax = 0_u64;
    for (article, quantity) in articles {
        let price = line_price(article, *quantity);
        let paid = price - discount.saturating_mul(price) / net.max(1);
        let rate = match article.tax {
            TaxClass::Standard => standard,
            TaxClass::Reduced => reduced,
        };
        tax = tax.saturating_add(paid.saturating_mul(rate) / 100);
    }
    tax
}

/// Charges 4.90 for each parcel of 10 kg, or nothing with the coupon for it.
fn shipping(order: &Order, articles: &[(Article, u32)]) -> u64 {
    if order.coupon.as_deref() == Some("FREESHIP") {
        return 0;
    }
    let grams: u64 = articles
        .iter()
        .map(|(article, quantity)| article.grams.saturating_mul(u64::from(*quantity)))
        .sum();
    490 * grams.div_ceil(10_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(json: &str) -> Order {
        Order::parse(json).expect("an order")
    }

    #[test]
    fn coupon_reduces_the_price_before_tax() {
        let order = order(
            r#"{"id":"o","customer":{"name":"A","country":"DE"},"items":[{"sku":"MUG-STONE-300","quantity":2}],"coupon":"TEATIME10"}"#,
        );
        let receipt = price(&order, &mut Stock::full()).expect("a receipt");
        assert_eq!((receipt.net, receipt.discount), (2900, 290));
        assert_eq!(receipt.tax, 2610 * 19 / 100);
        assert_eq!(receipt.total(), 2610 + 495 + 490);
    }

    #[test]
    fn rejected_order_does_not_change_the_warehouse() {
        let order = order(
            r#"{"id":"o","customer":{"name":"A","country":"DE"},"items":[{"sku":"POT-IRON-800","quantity":2},{"sku":"KETTLE-GOOSE","quantity":5000}]}"#,
        );
        let mut stock = Stock::full();
        let before: Vec<_> = stock.left().collect();
        let rejection = price(&order, &mut stock).expect_err("too many");
        assert_eq!(rejection.reason(), "out_of_stock");
        assert_eq!(stock.left().collect::<Vec<_>>(), before);
    }
}
