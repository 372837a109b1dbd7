//! An HTTP service that knows prices: `GET /prices/tea` answers `{"item":"tea","cents":250}`.

use tracing::{instrument, warn};
use wasmscope::prelude::*;
use wstd::http::{Body, Error, Request, Response, StatusCode};

/// The price list, in cents.
const PRICES: [(&str, u32); 4] = [("tea", 250), ("coffee", 320), ("cake", 480), ("juice", 300)];

static METER: Meter = wasmscope::meter!();
static LOOK_UPS: Counter<u64> = Counter::new(&METER, "prices.look_ups").with_unit("{look_up}");

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let _telemetry = wasmscope::init();
    match request.uri().path().strip_prefix("/prices/") {
        Some(item) => {
            wasmscope::route("/prices/{item}");
            respond(look_up(item), item)
        }
        None => Ok(status(StatusCode::NOT_FOUND)),
    }
}

#[instrument]
fn look_up(item: &str) -> Option<u32> {
    let found = PRICES.iter().find(|(known, _)| *known == item);
    LOOK_UPS.add(1, attributes!["found" => found.is_some()]);
    if found.is_none() {
        warn!(item, "the item is not sold");
    }
    found.map(|(_, cents)| *cents)
}

fn respond(cents: Option<u32>, item: &str) -> Result<Response<Body>, Error> {
    let Some(cents) = cents else {
        return Ok(status(StatusCode::NOT_FOUND));
    };
    let price = serde_json::json!({ "item": item, "cents": cents });
    Ok(Response::new(Body::from_json(&price)?))
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
