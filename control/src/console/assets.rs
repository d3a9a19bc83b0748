//! The stylesheet and the scripts, which are part of the program: nothing is read from disk or from elsewhere.

use super::failure::Failure;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const STYLE: &str = include_str!("assets/app.css");
const SCRIPT: &str = include_str!("assets/app.js");
const MAPPING: &str = include_str!("assets/mapping.js");
const MARK: &str = include_str!("assets/mark.svg");

/// Changes with the files, so that a browser keeps them for ever and never has old ones.
pub(crate) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for file in [STYLE, SCRIPT, MAPPING, MARK] {
        hash.update(file.as_bytes());
    }
    hash.finalize()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
});

/// A file.
pub(crate) async fn serve(Path(file): Path<String>) -> Result<Response, Failure> {
    let (kind, text) = match file.as_str() {
        "app.css" => ("text/css; charset=utf-8", STYLE),
        "app.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "mapping.js" => ("text/javascript; charset=utf-8", MAPPING),
        "mark.svg" => ("image/svg+xml", MARK),
        _ => return Err(Failure::nowhere()),
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, text).into_response())
}
