//! Sends requests as its arguments say, and prints the results.

#![expect(missing_docs, reason = "the macro makes a public function")]

use std::env;

use wstd::future::FutureExt as _;
use wstd::http::error::ErrorCode;
use wstd::http::{Body, Client, Error, Request};
use wstd::time::Duration;

#[wstd::main]
async fn main() {
    let args: Vec<_> = env::args().skip(1).collect();
    for pair in args.chunks(2) {
        let [action, url] = pair else {
            panic!("an action and a URL")
        };
        match act(action, url).await {
            Ok(text) => println!("{action}: {text}"),
            Err(error) => println!("{action}: {}", code(&error)),
        }
    }
}

async fn act(action: &str, url: &str) -> Result<String, Error> {
    let mut client = Client::new();
    let body = match action {
        "get" | "leave" => Body::empty(),
        "impatient" => {
            client.set_first_byte_timeout(Duration::from_millis(50));
            Body::empty()
        }
        // More than the buffers of the system.
        "upload" => vec![b'x'; 8 << 20].into(),
        other => panic!("no action `{other}`"),
    };
    let request =
        Request::builder()
            .uri(url)
            .method(if action == "upload" { "POST" } else { "GET" });
    let sending = client.send(request.body(body)?);
    if action == "leave" {
        // Dropped with its request.
        let answered = sending.timeout(Duration::from_millis(50)).await.is_ok();
        return Ok(format!("answered {answered}"));
    }
    let mut response = sending.await?;
    let status = response.status().as_u16();
    let text = response.body_mut().str_contents().await?;
    Ok(format!("{status} {text}"))
}

/// Returns the error code of `wasi:http`, or the error.
fn code(error: &Error) -> String {
    match error.downcast_ref::<ErrorCode>() {
        Some(code) => format!("{code:?}"),
        None => format!("{error:#}"),
    }
}
