//! Orders and their prices.

use core::fmt;

const ARTICLES: [(&str, u64); 6] = [
    ("BOOK", 2400),
    ("COFFEE", 1120),
    ("GRINDER", 5490),
    ("KETTLE", 8990),
    ("MUG", 1450),
    ("TEA", 890),
];

/// The number of pieces from which an article costs a tenth less.
const DOZEN: u64 = 12;

/// A parsed order.
pub(crate) struct Order<'a> {
    pub(crate) id: u64,
    pub(crate) customer: &'a str,
    lines: Vec<Line>,
}

struct Line {
    price: u64,
    quantity: u64,
}

/// The reason why an order cannot be parsed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refused<'a> {
    NoNumber,
    NoCustomer,
    UnknownArticle(&'a str),
    NoQuantity(&'a str),
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber => f.write_str("the order has no number"),
            Self::NoCustomer => f.write_str("the order has no customer"),
            Self::UnknownArticle(article) => write!(f, "there is no article {article}"),
            Self::NoQuantity(line) => write!(f, "{line} has no quantity"),
        }
    }
}

impl<'a> Order<'a> {
    pub(crate) fn parse(request: &'a str) -> Result<Self, Refused<'a>> {
        let mut words = request.split_ascii_whitespace();
        let number = words.next().and_then(|word| word.parse().ok());
        Ok(Self {
            id: number.ok_or(Refused::NoNumber)?,
            customer: words.next().ok_or(Refused::NoCustomer)?,
            lines: words.map(Line::parse).collect::<Result<_, _>>()?,
        })
    }

    /// Returns the number of different articles.
    pub(crate) fn articles(&self) -> usize {
        self.lines.len()
    }

    /// Returns the price in cents.
    pub(crate) fn price(&self) -> u64 {
        self.lines
            .iter()
            .map(Line::total)
            .fold(0, u64::saturating_add)
    }
}

impl Line {
    fn parse(word: &str) -> Result<Self, Refused<'_>> {
        let (article, quantity) = word.split_once('*').ok_or(Refused::NoQuantity(word))?;
        let (_, price) = ARTICLES
            .into_iter()
            .find(|(name, _)| *name == article)
            .ok_or(Refused::UnknownArticle(article))?;
        let quantity = quantity.parse().ok().ok_or(Refused::NoQuantity(word))?;
        Ok(Self { price, quantity })
    }

    fn total(&self) -> u64 {
        let full = self.price.saturating_mul(self.quantity);
        if self.quantity >= DOZEN {
            full - full / 10
        } else {
            full
        }
    }
}
