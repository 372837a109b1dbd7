//! The output: an answer to each request, as a JSON line.

use serde::Serialize;

use crate::imported::shop::pricing::quotes::{Coupon, Line, Quote, Reduction};

/// An answer. It has no id if the request could not be parsed.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub(crate) enum Outcome {
    Opened,
    Added {
        /// The number of pieces in the basket.
        pieces: u32,
        /// The articles of which there were too few: the basket has fewer pieces than requested, or
        /// none.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        short: Vec<Short>,
    },
    Redeemed {
        percent: u8,
    },
    Quoted {
        lines: Vec<QuotedLine>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        off: Vec<String>,
        net: String,
        tax: String,
        total: String,
    },
    Closed,
    Refused {
        reason: &'static str,
        detail: String,
    },
}

/// An article of which there were too few.
#[derive(Debug, Serialize)]
pub(crate) struct Short {
    pub(crate) sku: String,
    pub(crate) wanted: u32,
    pub(crate) given: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct QuotedLine {
    sku: String,
    quantity: u32,
    price: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    off: Vec<String>,
}

impl From<Coupon> for Outcome {
    fn from(coupon: Coupon) -> Self {
        Self::Redeemed {
            percent: coupon.percent,
        }
    }
}

impl From<Quote> for Outcome {
    fn from(quote: Quote) -> Self {
        Self::Quoted {
            lines: quote.lines.into_iter().map(QuotedLine::from).collect(),
            off: off(&quote.reductions),
            net: euros(quote.net),
            tax: euros(quote.tax),
            total: euros(quote.total),
        }
    }
}

impl From<Line> for QuotedLine {
    fn from(line: Line) -> Self {
        Self {
            sku: line.item.sku,
            quantity: line.item.quantity,
            price: euros(line.price),
            off: off(&line.reductions),
        }
    }
}

fn off(reductions: &[Reduction]) -> Vec<String> {
    let off = |reduction: &Reduction| match reduction {
        Reduction::Dozen(percent) => format!("{percent} % for a dozen"),
        Reduction::Membership(percent) => format!("{percent} % for members"),
        Reduction::Coupon(coupon) => format!("{} % for {}", coupon.percent, coupon.code),
    };
    reductions.iter().map(off).collect()
}

fn euros(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
