//! The OpenAPI document: poem-openapi describes the operations, `postprocess` corrects its output, and the examples and
//! the frames of the WebSocket are added by hand.

use std::collections::{BTreeMap, HashMap};

use poem::{endpoint::BoxEndpoint, http::Method};
use poem_openapi::{
    OpenApi, OpenApiService,
    registry::{MetaApi, Registry},
};
use serde_json::{Value, json};

use crate::{
    api::{EVENTS, PREFIX, Resources},
    methods::Methods,
};

mod cached;
mod errors;
mod examples;
mod frames;
mod postprocess;
mod yaml;

/// The document in JSON.
#[must_use]
pub fn openapi_json() -> String {
    format!("{:#}\n", document())
}

/// The document in YAML, as it is committed in the repository.
#[must_use]
pub fn openapi_yaml() -> String {
    format!("# Generated from the code by `cargo xtask openapi`; do not edit.\n{}", yaml::write(&document()))
}

/// The script and the style sheet of Swagger UI, extracted from the page that poem-openapi has.
pub(crate) fn swagger_ui() -> (String, String) {
    let page = service(Described).swagger_ui_html();
    let between = |start, end| {
        let (_, rest) = page.split_once(start)?;
        rest.split_once(end).map(|(text, _)| text.to_owned())
    };
    let script = between("<script charset=\"UTF-8\">", "</script>").unwrap_or_default();
    let style = between("<style charset=\"UTF-8\">", "</style>").unwrap_or_default();
    (script, style)
}

/// The frames of the WebSocket, in Markdown.
pub(crate) fn frames() -> String {
    frames::described()
}

/// The methods of each path of the REST API.
pub(crate) fn methods() -> Methods {
    let paths = Resources::meta().into_iter().flat_map(|api| api.paths);
    let mut by_path: BTreeMap<String, Vec<Method>> = BTreeMap::new();
    for path in paths {
        let methods = path.operations.into_iter().map(|operation| operation.method);
        by_path.entry(path.path).or_default().extend(methods);
    }
    by_path.into_iter().fold(Methods::default(), |all, (path, methods)| {
        let pattern = format!("{PREFIX}{path}");
        if EVENTS.contains(&path.as_str()) { all.add_stream(pattern) } else { all.add(pattern, methods) }
    })
}

/// The resources as a poem-openapi service.
pub(crate) fn service<T: OpenApi>(resources: T) -> OpenApiService<T, ()> {
    OpenApiService::new(resources, "Chat", env!("CARGO_PKG_VERSION"))
}

/// Describes the resources without an engine, which the document does not need.
struct Described;

impl OpenApi for Described {
    fn meta() -> Vec<MetaApi> {
        Resources::meta()
    }

    fn register(registry: &mut Registry) {
        Resources::register(registry);
    }

    fn add_routes(self, _table: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

fn document() -> Value {
    let mut document: Value = serde_json::from_str(&service(Described).spec()).unwrap_or_default();
    document["openapi"] = "3.0.3".into();
    document["info"]["description"] = INTRODUCTION.into();
    document["info"]["license"] = json!({"name": "MIT OR Apache-2.0"});
    // Guests give a name without proof, so there is no security scheme.
    document["security"] = json!([]);
    document["servers"] = json!([{"url": "/", "description": "The server that shows this document."}]);
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    document["paths"] = paths.into_iter().map(|(path, item)| (format!("{PREFIX}{path}"), item)).collect();
    frames::add(&mut document);
    errors::add(&mut document);
    cached::add(&mut document);
    postprocess::postprocess(&mut document);
    examples::add(&mut document);
    document
}

const INTRODUCTION: &str = "\
Rooms, messages and presence. A room is an append-only log: every event in it gets the next number, `seq`, without a hole. A \
message's `id` is its `seq`.

Integers are at most 2^53 − 1. Ignore fields, values and types that you do not know. The server is strict with what you send: \
it refuses unknown fields. Every error is an `application/problem+json` with a stable `code`.

Say who you are with a token in `Authorization: Bearer`: that of a login, where the server has accounts (in browsers, a cookie \
has it), or one that the app signs which the chat belongs to. Or, where guests may come, \
with your name in the query, `?username=Alice`. If there is a token, it decides. An app with a login of its own may read \
something else.

What happens is also sent live, by server-sent events and by a WebSocket, `/ws/chat`. Its frames are the schemas `ClientFrame` and \
`ServerFrame`; the server that shows this document shows them at [`/docs/frames`](docs/frames).
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_declare_their_errors() {
        let document = document();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.0."));
        let send = &document["paths"]["/api/chat/rooms/{room_id}/messages"]["post"];
        for status in ["200", "201", "400", "401", "403", "404", "409", "413", "415", "421", "429", "500", "503"] {
            assert!(send["responses"].get(status).is_some(), "{status}: {send:#}");
        }
        let search = &document["paths"]["/api/chat/search"]["get"];
        assert!(search["responses"].get("404").is_some(), "it may name a room that is not there: {search:#}");
        assert!(send["responses"]["200"]["headers"].get("Idempotency-Replayed").is_some(), "{send:#}");
        assert!(!document.to_string().contains("charset"));
    }

    #[test]
    fn swagger_ui_is_taken_out_of_its_page_whole() {
        let (script, style) = swagger_ui();
        assert!(script.contains("SwaggerUIBundle") && script.len() > 1_000_000, "{}", script.len());
        assert!(style.starts_with(".swagger-ui") && style.len() > 100_000, "{}", style.len());
        assert!(!style.contains("<script"), "nothing of the page is left in it");
    }
}
