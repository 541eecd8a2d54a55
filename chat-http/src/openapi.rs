//! The OpenAPI document: poem-openapi describes the operations, this module mends what it writes.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
};

use poem::{
    endpoint::BoxEndpoint,
    http::{Method, StatusCode},
};
use poem_openapi::{
    OpenApi, OpenApiService,
    registry::{MetaApi, Registry},
};
use serde_json::{Map, Value, json};

use crate::{
    api::{PREFIX, Resources},
    edge::Methods,
};

/// The document in JSON.
#[must_use]
pub fn openapi_json() -> String {
    format!("{:#}\n", document())
}

/// The document in YAML, as it stands in the repository.
#[must_use]
pub fn openapi_yaml() -> String {
    let mut yaml = String::from("# Generated from the code by `cargo xtask openapi`; do not edit.\n");
    write_yaml(&mut yaml, &document(), 0);
    yaml
}

/// A page with Swagger UI, whole in itself, showing the document.
pub(crate) fn swagger_ui() -> String {
    let service = service(Described);
    // The document stands in a script, where `</` would end it.
    let mended = document().to_string().replace("</", "<\\/");
    service.swagger_ui_html().replacen(&service.spec(), &mended, 1)
}

/// Which methods the paths of the REST API have.
pub(crate) fn methods() -> Methods {
    let paths = Resources::meta().into_iter().flat_map(|api| api.paths);
    let mut by_path: BTreeMap<String, Vec<Method>> = BTreeMap::new();
    for path in paths {
        let methods = path.operations.into_iter().map(|operation| operation.method);
        by_path.entry(path.path).or_default().extend(methods);
    }
    by_path.into_iter().fold(Methods::default(), |all, (path, methods)| all.add(format!("{PREFIX}{path}"), methods))
}

/// The resources as a poem-openapi service.
pub(crate) fn service<T: OpenApi>(resources: T) -> OpenApiService<T, ()> {
    OpenApiService::new(resources, "Chat", env!("CARGO_PKG_VERSION"))
        .description("Rooms, messages and presence. Live events come over the WebSocket at /ws/chat/{room_id}.")
}

/// The resources without an engine behind them: for the document, which needs none.
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
    mend(&mut document);
    document
}

fn mend(document: &mut Value) {
    if let Some(top) = document.as_object_mut() {
        top.retain(|key, value| key != "servers" || *value != json!([]));
    }
    if let Some(Value::Object(paths)) = document.get_mut("paths") {
        *paths = std::mem::take(paths).into_iter().map(|(path, item)| (format!("{PREFIX}{path}"), item)).collect();
        for (path, item) in paths.iter_mut() {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                mend_operation(path, method, operation);
            }
        }
    }
    document["components"]["responses"]["Problem"] = json!({
        "description": "What went wrong; `code` says it exactly.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    });
    for schema in document["components"]["schemas"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        for (name, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
            mend_property(name, property);
        }
    }
}

/// Errors are declared once for all operations; each lists the statuses it can have.
fn mend_operation(path: &str, method: &str, operation: &mut Value) {
    let has_body = operation.get("requestBody").is_some();
    let mut statuses = vec![400, 401, 403, 429, 500, 503];
    if path.contains('{') {
        statuses.push(404);
    }
    if has_body {
        statuses.extend([409, 413, 415]);
    }
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(parameter) = parameter.as_object_mut() {
            parameter.remove("explode");
            parameter.retain(|key, value| key != "deprecated" || *value != false);
            let needs_user = (method == "post" && path.ends_with("/messages")) || path.ends_with("/events");
            if needs_user && parameter["name"] == "username" {
                parameter.insert("required".to_owned(), true.into());
            }
        }
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    responses.remove("default");
    for response in responses.values_mut() {
        mend_headers(response);
    }
    for status in statuses {
        let known = StatusCode::from_u16(status).is_ok() && !responses.contains_key(&status.to_string());
        if known {
            responses.insert(status.to_string(), json!({"$ref": "#/components/responses/Problem"}));
        }
    }
}

/// poem-openapi shouts header names.
fn mend_headers(response: &mut Value) {
    let Some(Value::Object(headers)) = response.get_mut("headers") else { return };
    let calm = |word: &str| word[..1].to_owned() + &word[1..].to_lowercase();
    *headers = std::mem::take(headers)
        .into_iter()
        .map(|(name, mut header)| {
            if let Some(header) = header.as_object_mut() {
                header.retain(|key, value| key != "deprecated" || *value != false);
            }
            (name.split('-').map(calm).collect::<Vec<_>>().join("-"), header)
        })
        .collect();
}

fn mend_property(name: &str, property: &mut Value) {
    if matches!(name, "timestamp" | "created_at" | "last_message_at") {
        property["format"] = "date-time".into();
    }
    if matches!(property["format"].as_str(), Some("uint64" | "uint16" | "uint32")) {
        property["format"] = "int64".into();
        property["minimum"] = 0.into();
    }
}

/// The head of the document first, then by name: the order never depends on how maps are built.
fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    let rank = |key: &str| match key {
        "openapi" => 0,
        "info" => 1,
        "servers" | "tags" => 2,
        "paths" => 3,
        _ => 4,
    };
    entries.sort_by(|(one, _), (other, _)| (rank(one), one).cmp(&(rank(other), other)));
    entries
}

fn write_yaml(yaml: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in sorted(map) {
                indent(yaml, depth);
                yaml.push_str(&yaml_key(key));
                yaml.push(':');
                write_inner(yaml, value, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                indent(yaml, depth);
                yaml.push('-');
                write_inner(yaml, item, depth);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            write_scalar(yaml, value);
        }
    }
}

fn write_inner(yaml: &mut String, value: &Value, depth: usize) {
    let is_block = matches!(value, Value::Object(map) if !map.is_empty())
        || matches!(value, Value::Array(items) if !items.is_empty());
    if is_block {
        yaml.push('\n');
        write_yaml(yaml, value, depth + 1);
    } else {
        yaml.push(' ');
        write_scalar(yaml, value);
    }
}

/// A scalar or an empty collection, as JSON writes it: YAML reads that too.
fn write_scalar(yaml: &mut String, value: &Value) {
    match value.as_f64() {
        // Whole numbers without a fraction, as schemas' bounds are.
        Some(number) if number.fract() == 0.0 => drop(write!(yaml, "{number:.0}")),
        _ => drop(write!(yaml, "{value}")),
    }
    yaml.push('\n');
}

fn indent(yaml: &mut String, depth: usize) {
    yaml.extend(std::iter::repeat_n("  ", depth));
}

fn yaml_key(key: &str) -> String {
    let is_word = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-/.+{}".contains(c));
    if is_word { key.to_owned() } else { Value::from(key).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_declare_their_errors() {
        let document = document();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.0."));
        let send = &document["paths"]["/api/chat/rooms/{room_id}/messages"]["post"];
        for status in ["200", "201", "400", "401", "403", "404", "409", "413", "415", "429", "500", "503"] {
            assert!(send["responses"].get(status).is_some(), "{status}: {send:#}");
        }
        assert!(send["responses"]["200"]["headers"].get("Idempotency-Replayed").is_some(), "{send:#}");
        assert!(document["components"]["schemas"].get("Problem").is_some());
        assert!(!document.to_string().contains("charset"));
    }

    #[test]
    fn the_page_holds_the_mended_document() {
        let page = swagger_ui();
        assert!(page.contains("#/components/responses/Problem"));
        assert!(page.contains("SwaggerUIBundle"));
    }

    #[test]
    fn yaml_quotes_what_is_no_word() {
        let mut yaml = String::new();
        write_yaml(&mut yaml, &json!({"200": [], "a": [{"b": "x: y", "c": 1.0}], "$ref": null}), 0);
        assert_eq!(yaml, "\"$ref\": null\n\"200\": []\na:\n  -\n    b: \"x: y\"\n    c: 1\n");
    }
}
