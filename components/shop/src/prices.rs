//! Asks the other service for prices.

use serde::Deserialize;
use tracing::instrument;
use wstd::http::{Body, Client, Error, Request, StatusCode};

/// The service, unless `PRICES` names another one.
const DEFAULT: &str = "http://127.0.0.1:8081";

#[derive(Debug, Deserialize)]
struct Price {
    cents: u32,
}

/// Returns the price of an item in cents, or `None` if it is not sold.
#[instrument(name = "price")]
pub(crate) async fn of(item: &str) -> Result<Option<u32>, Error> {
    if !item.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        // No item has such a name, and it would have to be encoded in the URL.
        return Ok(None);
    }
    let service = std::env::var("PRICES").unwrap_or_else(|_| DEFAULT.to_owned());
    let request = Request::get(format!("{service}/prices/{item}")).body(Body::empty())?;
    let mut response = Client::new().send(request).await?;
    match response.status() {
        StatusCode::OK => {
            let price: Price = response.body_mut().json().await?;
            Ok(Some(price.cents))
        }
        StatusCode::NOT_FOUND => Ok(None),
        other => Err(Error::msg(format!("the service answers {other}"))),
    }
}
