//! The articles, their prices, and the pieces that are in no basket.

use std::cell::RefCell;

/// The tax class of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaxClass {
    /// Food and books: the reduced rate.
    Reduced,
    /// Everything else.
    Standard,
}

/// An article of the catalogue.
#[derive(Debug)]
pub(crate) struct Article {
    pub(crate) sku: &'static str,
    /// The price of one piece before tax, in cents.
    pub(crate) price: u64,
    pub(crate) tax: TaxClass,
    /// The pieces in the warehouse.
    pieces: u32,
}

const fn article(sku: &'static str, price: u64, tax: TaxClass, pieces: u32) -> Article {
    Article {
        sku,
        price,
        tax,
        pieces,
    }
}

static ARTICLES: [Article; 8] = [
    article("TEA-ASSAM-250", 890, TaxClass::Reduced, 200),
    article("TEA-SENCHA-100", 1250, TaxClass::Reduced, 125),
    article("COF-YIRGA-250", 1120, TaxClass::Reduced, 175),
    article("MUG-STONE-300", 1450, TaxClass::Standard, 45),
    article("POT-IRON-800", 6490, TaxClass::Standard, 6),
    article("KETTLE-GOOSE", 8990, TaxClass::Standard, 4),
    article("GRINDER-HAND", 5490, TaxClass::Standard, 40),
    article("BOOK-TEAWAYS", 2400, TaxClass::Reduced, 30),
];

/// An article with fewer pieces runs low.
const LOW: u32 = 3;

/// The code, the percent off, and the date from which it is invalid.
const COUPONS: [(&str, u8, Option<&str>); 3] = [
    ("TEATIME10", 10, None),
    ("NEIGHBOUR5", 5, None),
    ("SUMMER2025", 25, Some("2025-09-01")),
];

thread_local! {
    /// The pieces that are in no basket, in the order of the articles.
    static FREE: RefCell<[u32; ARTICLES.len()]> = RefCell::new(ARTICLES.each_ref().map(|article| article.pieces));
}

/// Returns an article by its number.
pub(crate) fn find(sku: &str) -> Option<&'static Article> {
    ARTICLES.iter().find(|article| article.sku == sku)
}

/// Takes pieces of an article for a basket.
///
/// # Errors
///
/// Returns the number of available pieces if there are too few. None is taken then.
pub(crate) fn take(article: &Article, quantity: u32) -> Result<(), u32> {
    with_free(article, |free| {
        *free = free.checked_sub(quantity).ok_or(*free)?;
        Ok(())
    })
}

/// Returns pieces that were taken.
pub(crate) fn put_back(article: &Article, quantity: u32) {
    with_free(article, |free| *free += quantity);
}

fn with_free<T>(article: &Article, change: impl FnOnce(&mut u32) -> T) -> T {
    let place = ARTICLES.iter().position(|other| other.sku == article.sku);
    FREE.with_borrow_mut(|free| {
        change(&mut free[place.expect("every article is one of the catalogue")])
    })
}

/// Returns the pieces of each article that are in no basket.
pub(crate) fn free() -> impl Iterator<Item = (&'static str, u32)> {
    let free = FREE.with_borrow(|free| *free);
    ARTICLES.iter().map(|article| article.sku).zip(free)
}

/// Warns if there are few pieces left of an article.
pub(crate) fn warn_if_low(article: &Article) {
    let free = with_free(article, |free| *free);
    if free < LOW {
        tracing::warn!(item.sku = article.sku, stock.left = free, "stock runs low");
    }
}

/// Returns the percent that a coupon takes off. For an expired coupon, the error is the date from
/// which it is invalid.
pub(crate) fn coupon(code: &str) -> Result<u8, Option<&'static str>> {
    match COUPONS.iter().find(|(known, ..)| *known == code) {
        Some((_, percent, None)) => Ok(*percent),
        Some((_, _, expired)) => Err(*expired),
        None => Err(None),
    }
}

/// Returns a country's value added tax in percent: the standard and the reduced rate. Returns
/// `None` for countries without delivery.
pub(crate) fn tax_rates(country: &str) -> Option<(u64, u64)> {
    Some(match country {
        "AT" => (20, 10),
        "DE" => (19, 7),
        "ES" => (21, 10),
        "FR" => (20, 5),
        "IT" => (22, 10),
        "NL" => (21, 9),
        "PL" => (23, 8),
        "SE" => (25, 12),
        _ => return None,
    })
}
