//! The web page's files as they are served: types, validators, compression and what a browser is told to forbid.

use crate::common::client;
use poem::test::TestResponse;

const FILES: [(&str, &str, &str); 24] = [
    ("/", "text/html; charset=utf-8", "no-cache"),
    ("/app.js", "text/javascript; charset=utf-8", "public, max-age=60"),
    ("/shared.js", "text/javascript; charset=utf-8", "public, max-age=60"),
    ("/more.js", "text/javascript; charset=utf-8", "public, max-age=60"),
    ("/first.js", "text/javascript; charset=utf-8", "public, max-age=60"),
    ("/app.css", "text/css; charset=utf-8", "public, max-age=60"),
    ("/favicon.svg", "image/svg+xml", "public, max-age=60"),
    ("/manifest.webmanifest", "application/manifest+json", "public, max-age=60"),
    ("/icon-192.png", "image/png", "public, max-age=60"),
    ("/icon-512.png", "image/png", "public, max-age=60"),
    ("/icon-maskable.png", "image/png", "public, max-age=60"),
    ("/sw.js", "text/javascript; charset=utf-8", "no-cache"),
    ("/client.js", "text/javascript; charset=utf-8", "public, max-age=60"),
    ("/widget.js", "text/javascript; charset=utf-8", "public, max-age=60"),
    ("/emoji.json", "application/json", "public, max-age=60"),
    ("/markup.js", "text/javascript; charset=utf-8", "public, max-age=60"),
    ("/texts-ar.json", "application/json", "public, max-age=60"),
    ("/texts-de.json", "application/json", "public, max-age=60"),
    ("/texts-es.json", "application/json", "public, max-age=60"),
    ("/texts-fr.json", "application/json", "public, max-age=60"),
    ("/texts-hi.json", "application/json", "public, max-age=60"),
    ("/texts-ja.json", "application/json", "public, max-age=60"),
    ("/texts-pt.json", "application/json", "public, max-age=60"),
    ("/texts-zh.json", "application/json", "public, max-age=60"),
];

fn header<'a>(response: &'a TestResponse, name: &str) -> &'a str {
    response.0.header(name).unwrap_or_default()
}

#[tokio::test]
async fn every_file_says_what_it_is_and_what_is_forbidden() {
    let client = client().await;
    for (path, kind, cache) in FILES {
        let response = client.get(path).send().await;
        response.assert_status_is_ok();
        response.assert_header("content-type", kind);
        response.assert_header("cache-control", cache);
        response.assert_header("vary", "Accept-Encoding");
        response.assert_header("x-content-type-options", "nosniff");
        response.assert_header("referrer-policy", "no-referrer");
        response.assert_header("cross-origin-opener-policy", "same-origin");
        let tag = header(&response, "etag").to_owned();
        assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'), "{path}: {tag} is strong and quoted");
        let policy = header(&response, "content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn only_what_is_meant_for_other_pages_is_open_to_them() {
    let client = client().await;
    for (path, ..) in FILES {
        let response = client.get(path).header("origin", "https://elsewhere.example").send().await;
        let is_open =
            ["/client.js", "/widget.js", "/emoji.json", "/markup.js"].contains(&path) || path.starts_with("/texts-");
        let policy = if is_open { "cross-origin" } else { "same-origin" };
        response.assert_header("cross-origin-resource-policy", policy);
        assert_eq!(header(&response, "access-control-allow-origin") == "*", is_open, "{path}");
    }
}

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let client = client().await;
    for encoding in ["identity", "gzip, br"] {
        let first = client.get("/app.js").header("accept-encoding", encoding).send().await;
        let tag = header(&first, "etag").to_owned();
        let second =
            client.get("/app.js").header("accept-encoding", encoding).header("if-none-match", &tag).send().await;
        second.assert_status(poem::http::StatusCode::NOT_MODIFIED);
        second.assert_header("etag", &tag);
        second.assert_header("vary", "Accept-Encoding");
        assert!(second.0.into_body().into_vec().await.unwrap().is_empty());
    }
    let stale = client.get("/app.js").header("if-none-match", "\"old\"").send().await;
    stale.assert_status_is_ok();
}

#[tokio::test]
async fn the_compressed_form_is_another_and_smaller() {
    let client = client().await;
    for (path, kind, _) in FILES.into_iter().filter(|(_, kind, _)| *kind != "image/png") {
        let plain = client.get(path).send().await;
        let zipped = client.get(path).header("accept-encoding", "gzip").send().await;
        zipped.assert_header("content-encoding", "gzip");
        zipped.assert_header("content-type", kind);
        assert_ne!(header(&plain, "etag"), header(&zipped, "etag"), "{path}");
        assert_eq!(header(&plain, "content-encoding"), "", "{path}");
        let plain = plain.0.into_body().into_vec().await.unwrap();
        let zipped = zipped.0.into_body().into_vec().await.unwrap();
        assert!(zipped.starts_with(&[0x1f, 0x8b]) && zipped.len() < plain.len(), "{path}");
        // A gzip file ends with the length of its contents, which a stale file would have wrong.
        let length = u32::from_le_bytes(zipped[zipped.len() - 4..].try_into().unwrap());
        assert_eq!(length as usize, plain.len(), "{path}: build the page anew");
    }
}

/// What is loaded before anything is seen. What few need comes later.
#[tokio::test]
async fn the_first_view_is_small() {
    let client = client().await;
    let mut sum = 0;
    for path in ["/", "/first.js", "/app.js", "/shared.js", "/app.css", "/texts-hi.json"] {
        let zipped = client.get(path).header("accept-encoding", "gzip").send().await;
        sum += zipped.0.into_body().into_vec().await.unwrap().len();
    }
    assert!(sum < 90_000, "{sum} bytes");
}

#[tokio::test]
async fn pictures_are_not_compressed_again() {
    let client = client().await;
    let icon = client.get("/icon-192.png").header("accept-encoding", "gzip").send().await;
    assert_eq!(header(&icon, "content-encoding"), "");
    assert!(icon.0.into_body().into_vec().await.unwrap().starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn the_worker_knows_the_files_that_the_page_asks_for() {
    let client = client().await;
    let text = async |path: &'static str| client.get(path).send().await.0.into_body().into_string().await.unwrap();
    let (page, worker) = (text("/").await, text("/sw.js").await);
    let asked: Vec<&str> = page.split('"').filter(|part| part.contains("?v=")).collect();
    assert!(asked.len() >= 2, "{page}");
    for file in asked {
        assert!(worker.contains(&format!("\"{file}\"")), "{file}: build the page anew");
    }
}

#[tokio::test]
async fn head_tells_the_length() {
    let client = client().await;
    let response = client.head("/app.css").send().await;
    response.assert_status_is_ok();
    let length: usize = header(&response, "content-length").parse().unwrap();
    assert!(response.0.into_body().into_vec().await.unwrap().is_empty());
    let body = client.get("/app.css").send().await.0.into_body().into_vec().await.unwrap();
    assert_eq!(length, body.len());
    let refused = client.post("/app.css").send().await;
    refused.assert_header("allow", "GET, HEAD");
}

#[tokio::test]
async fn the_page_has_nothing_inline_and_asks_no_other_host() {
    let client = client().await;
    let page = client.get("/").send().await.0.into_body().into_string().await.unwrap();
    for forbidden in ["<style", "style=", "onload", "onerror", "javascript:", "http://", "https://", "//"] {
        assert!(!page.contains(forbidden), "{forbidden}: {page}");
    }
    for script in page.split("<script").skip(1) {
        assert!(script.contains(".js?v=") && script.contains("\"></script>"), "{script}");
    }
    let style = client.get("/app.css").send().await.0.into_body().into_string().await.unwrap();
    assert!(!style.contains("url(") && !style.contains("@import"), "the style sheet loads nothing");
}
