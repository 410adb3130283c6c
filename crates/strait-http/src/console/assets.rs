//! The stylesheet, the script and the mark: compiled in, named by their content, so that browsers keep them for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// The stylesheet.
pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("assets/console.css");
    Asset::new("console", "css", "text/css; charset=utf-8", text)
});
/// The script.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("assets/console.js");
    Asset::new("console", "js", "text/javascript; charset=utf-8", text)
});
/// The mark in the browser's tab.
pub(super) static MARK: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("assets/strait.svg");
    Asset::new("strait", "svg", "image/svg+xml", text)
});

/// Where they are.
pub(super) const PATH: &str = "/assets/{name}";

/// A file that is compiled in.
pub(super) struct Asset {
    name: String,
    kind: &'static str,
    text: &'static str,
}

impl Asset {
    fn new(stem: &str, ending: &str, kind: &'static str, text: &'static str) -> Self {
        let digest = hex::encode(Sha256::digest(text));
        Self {
            name: format!("{stem}.{}.{ending}", &digest[..16]),
            kind,
            text,
        }
    }

    /// Its address.
    pub(super) fn address(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

/// Answers one by its name. One of another version is not there.
pub(super) async fn get(Path(name): Path<String>) -> Response {
    let all = [&*STYLE, &*SCRIPT, &*MARK];
    let Some(asset) = all.into_iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let for_good = HeaderValue::from_static("public, max-age=31536000, immutable");
    let kind = HeaderValue::from_static(asset.kind);
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, for_good),
    ];
    (headers, asset.text).into_response()
}
