//! Answers a request with the response of another service, whose URL is in `UPSTREAM`.

use std::env;

use wstd::http::{Body, Client, Error, Request, Response};

/// Asks the other service.
#[wstd::http_server]
async fn main(_: Request<Body>) -> Result<Response<Body>, Error> {
    let request = Request::get(env::var("UPSTREAM")?).body(Body::empty())?;
    let mut response = Client::new().send(request).await?;
    // In two steps, so that the response has ended before this one begins.
    let text = response.body_mut().str_contents().await?.to_owned();
    Ok(Response::new(text.into()))
}
