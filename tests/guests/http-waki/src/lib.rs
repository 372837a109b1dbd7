//! An HTTP service by waki, which imports nothing of Wasmscope.

// What waki exports has names that a linker for other targets refuses.
#![cfg(target_arch = "wasm32")]

use waki::{ErrorCode, Request, Response, handler};

#[handler]
fn main(request: Request) -> Result<Response, ErrorCode> {
    match request.path() {
        "/hello" => Response::builder().body("hello\n").build(),
        "/echo" => match request.body() {
            Ok(body) => Response::builder().body(body).build(),
            Err(error) => Err(ErrorCode::InternalError(Some(error.to_string()))),
        },
        "/error" => Err(ErrorCode::DestinationUnavailable),
        _ => Response::builder().status_code(404).build(),
    }
}
