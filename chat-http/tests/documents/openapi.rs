//! The document: the committed one is the one that the code makes, its examples fit its schemas, and generators of
//! clients can read it.

use std::{collections::BTreeSet, env, fs, path::Path};

use crate::common::schema::Document;
use serde_json::{Map, Value, json};

#[test]
fn openapi_yaml_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi.yaml");
    let current = chat_http::openapi_yaml();
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &current).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == current, "openapi.yaml is out of date: run `cargo xtask openapi` and commit it");
}

/// Every operation has an example, and every example fits its schema.
#[test]
fn examples_fit() {
    let document = Document::new();
    for (schema, described) in document.schemas() {
        if let Some(example) = described.get("example") {
            document.check(&json!({"$ref": format!("#/components/schemas/{schema}")}), example, schema);
        }
    }
    let root = document.root();
    for (path, item) in root["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{path}: {name}");
            let bodies =
                operation.get("requestBody").into_iter().chain(operation["responses"].as_object().unwrap().values());
            for content in bodies.filter_map(|body| body.get("content")?.as_object()?.values().next()) {
                assert!(!content["example"].is_null(), "{name}: add its example to src/openapi/examples.rs");
                document.check(&content["schema"], &content["example"], name);
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if let Some(example) = parameter.get("example") {
                    document.check(&parameter["schema"], example, name);
                }
            }
        }
    }
    for (name, response) in root["components"]["responses"].as_object().unwrap() {
        let content = &response["content"]["application/problem+json"];
        for example in content["examples"].as_object().unwrap().values() {
            document.check(&content["schema"], &example["value"], name);
        }
    }
}

/// The document has nothing that generators cannot handle.
#[test]
fn the_document_is_plain() {
    let document = Document::new();
    let mut names = BTreeSet::new();
    for (path, item) in document.root()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} is the name of two operations");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path} never succeeds");
            for response in
                responses.iter().filter(|(status, _)| status.as_str() >= "400").map(|(_, response)| response)
            {
                assert!(response["$ref"].is_string(), "{name}: its errors are not those of all operations: {response}");
            }
        }
    }
    for name in document.schemas().keys() {
        // In Go, `NewRoom` is the constructor of `Room`.
        let made = name.strip_prefix("New").unwrap_or_default();
        assert!(!document.schemas().contains_key(made), "{name} is also what makes a {made}");
    }
    each_object(document.root(), &mut |object| {
        assert!(!object.contains_key("allOf"), "a wrapper: {object:?}");
        if let Some(Value::Object(content)) = object.get("content") {
            let kinds = ["application/json", "application/problem+json", "text/event-stream"];
            let is_plain =
                |(kind, body): (&String, &Value)| kinds.contains(&kind.as_str()) || body.get("schema").is_none();
            assert!(content.iter().all(is_plain), "{content:?}");
        }
        if object.get("type").is_some_and(|kind| kind == "integer") {
            let bound = |name| object.get(name).and_then(Value::as_u64);
            assert!(bound("minimum") <= bound("maximum") && bound("minimum").is_some(), "no bounds: {object:?}");
        }
    });
}

/// Visits the objects of a document, except for those in examples.
fn each_object(value: &Value, visit: &mut impl FnMut(&Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            visit(object);
            let inner = object.iter().filter(|(key, _)| !matches!(key.as_str(), "example" | "examples"));
            inner.for_each(|(_, value)| each_object(value, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| each_object(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
