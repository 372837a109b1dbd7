//! An HTTP service that takes orders. It asks another service for the prices: the one whose URL is
//! in the variable `PRICES`.
//!
//! | request | answer |
//! |---|---|
//! | `POST /orders` with `{"item":"tea","count":2}` | a receipt: `{"item":"tea","count":2,"cents":500}` |
//! | `GET /menu` | a line for each item, which is sent as soon as its price is known |

mod prices;

use std::io;

use futures_lite::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use tracing::{Instrument as _, error, info, info_span, instrument};
use wasmscope::prelude::*;
use wstd::http::body::Bytes;
use wstd::http::{Body, Error, Method, Request, Response, StatusCode};

static METER: Meter = wasmscope::meter!();
static ORDERS: Counter<u64> = Counter::new(&METER, "shop.orders").with_unit("{order}");
static REVENUE: Counter<u64> = Counter::new(&METER, "shop.revenue").with_unit("{cent}");

/// The items on the menu.
const MENU: [&str; 3] = ["tea", "coffee", "cake"];

#[derive(Debug, Deserialize)]
struct Order {
    item: String,
    count: u32,
}

#[derive(Debug, Serialize)]
struct Receipt {
    item: String,
    count: u32,
    cents: u32,
}

#[wstd::http_server]
async fn main(mut request: Request<Body>) -> Result<Response<Body>, Error> {
    let _telemetry = wasmscope::init();
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/orders") => {
            wasmscope::route("/orders");
            match request.body_mut().json().await {
                Ok(order) => take_order(order).await,
                Err(_) => Ok(status(StatusCode::BAD_REQUEST)),
            }
        }
        (&Method::GET, "/menu") => {
            wasmscope::route("/menu");
            Ok(menu())
        }
        _ => Ok(status(StatusCode::NOT_FOUND)),
    }
}

/// Answers an order with a receipt. An item that is not sold is the customer's error; prices that
/// are not known are ours.
#[instrument(skip_all, fields(item = order.item, count = order.count))]
async fn take_order(order: Order) -> Result<Response<Body>, Error> {
    let (outcome, response) = match prices::of(&order.item).await {
        Ok(Some(cents)) => {
            let cents = cents.saturating_mul(order.count);
            info!(cents, "sold");
            REVENUE.add(cents.into(), &[]);
            let receipt = Receipt {
                item: order.item,
                count: order.count,
                cents,
            };
            ("sold", Response::new(Body::from_json(&receipt)?))
        }
        Ok(None) => ("unknown", status(StatusCode::UNPROCESSABLE_ENTITY)),
        Err(error) => {
            error!(error = format!("{error:#}"), "the prices are not known");
            ("failed", status(StatusCode::BAD_GATEWAY))
        }
    };
    ORDERS.add(1, attributes!["outcome" => outcome]);
    Ok(response)
}

/// Streams the menu.
fn menu() -> Response<Body> {
    let span = info_span!("menu", items = MENU.len());
    // It ends with the last line.
    let lines = stream::iter(MENU).then(move |item| line(item).instrument(span.clone()));
    Response::new(Body::from_try_stream(lines))
}

/// Makes a line of the menu. After an error, the response breaks off.
async fn line(item: &str) -> io::Result<Bytes> {
    let line = match prices::of(item).await.map_err(io::Error::other)? {
        Some(cents) => format!("{item} {}.{:02}\n", cents / 100, cents % 100),
        None => format!("{item} is not sold\n"),
    };
    Ok(line.into())
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
