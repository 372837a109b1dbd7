//! The articles of the shop, and the pieces in stock.

use crate::order::{Item, Rejection};
use std::collections::BTreeMap;

/// The tax class of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaxClass {
    /// Food and books: the reduced rate.
    Reduced,
    /// Everything else.
    Standard,
}

/// An article of the catalogue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Article {
    /// The net price of one piece, in cents.
    pub(crate) cents: u64,
    /// The weight of one piece, in grams.
    pub(crate) grams: u64,
    pub(crate) tax: TaxClass,
}

/// Article number, price in cents, weight in grams, tax class, pieces in the warehouse.
const CATALOGUE: [(&str, u64, u64, TaxClass, u32); 15] = [
    ("TEA-ASSAM-250", 890, 270, TaxClass::Reduced, 2000),
    ("TEA-SENCHA-100", 1250, 120, TaxClass::Reduced, 1250),
    ("TEA-ROOIBOS-500", 1490, 530, TaxClass::Reduced, 1500),
    ("COF-YIRGA-250", 1120, 270, TaxClass::Reduced, 1750),
    ("COF-SANTOS-1000", 2390, 1050, TaxClass::Reduced, 600),
    ("MUG-STONE-300", 1450, 380, TaxClass::Standard, 450),
    ("MUG-ENAMEL-400", 990, 160, TaxClass::Standard, 700),
    ("POT-IRON-800", 6490, 1900, TaxClass::Standard, 300),
    ("POT-GLASS-1200", 3290, 700, TaxClass::Standard, 375),
    ("KETTLE-GOOSE", 8990, 1150, TaxClass::Standard, 200),
    ("GRINDER-HAND", 5490, 620, TaxClass::Standard, 400),
    ("SCALE-01G", 2990, 450, TaxClass::Standard, 475),
    ("FILTER-PAPER-100", 450, 110, TaxClass::Standard, 4500),
    ("BOOK-TEAWAYS", 2400, 640, TaxClass::Reduced, 275),
    ("BOOK-ESPRESSO", 1990, 480, TaxClass::Reduced, 350),
];

/// The warehouse.
#[derive(Debug)]
pub(crate) struct Stock {
    left: BTreeMap<&'static str, (Article, u32)>,
}

impl Stock {
    /// Returns a full warehouse.
    pub(crate) fn full() -> Self {
        let left = CATALOGUE
            .into_iter()
            .map(|(sku, cents, grams, tax, pieces)| (sku, (Article { cents, grams, tax }, pieces)))
            .collect();
        Self { left }
    }

    /// Takes an item out of the warehouse. Fails if there are too few pieces.
    #[tracing::instrument(skip_all, fields(item.sku = %item.sku, item.quantity = item.quantity))]
    pub(crate) fn reserve(&mut self, item: &Item) -> Result<Article, Rejection> {
        if item.quantity == 0 {
            return Err(Rejection::NoQuantity(item.sku.clone()));
        }
        let Some((article, left)) = self.left.get_mut(item.sku.as_str()) else {
            return Err(Rejection::UnknownArticle(item.sku.clone()));
        };
        let Some(rest) = left.checked_sub(item.quantity) else {
            return Err(Rejection::OutOfStock {
                sku: item.sku.clone(),
                wanted: item.quantity,
                left: *left,
            });
        };
        *left = rest;
        if rest < 10 {
            tracing::warn!(item.sku = %item.sku, stock.left = rest, "stock runs low");
        }
        Ok(*article)
    }

    /// Returns an item that was reserved for an order that is rejected.
    pub(crate) fn put_back(&mut self, item: &Item) {
        if let Some((_, left)) = self.left.get_mut(item.sku.as_str()) {
            *left = left.saturating_add(item.quantity);
        }
    }

    /// Returns the remaining pieces of each article.
    #[cfg(any(feature = "telemetry", test))]
    pub(crate) fn left(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.left.iter().map(|(sku, (_, left))| (*sku, *left))
    }
}
