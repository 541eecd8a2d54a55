//! Writes the document as YAML, with the same text on every machine.

use std::fmt::Write;

use serde_json::{Map, Value};

/// Writes a value in block style.
pub(super) fn write(value: &Value) -> String {
    let mut yaml = String::new();
    write_yaml(&mut yaml, value, 0);
    yaml
}

/// The fields in a fixed order: those that begin an OpenAPI document first, then by name.
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

/// Writes a scalar or an empty collection as JSON, which YAML accepts.
fn write_scalar(yaml: &mut String, value: &Value) {
    match value.as_f64() {
        // Whole numbers are written without a fraction, as bounds of schemas are.
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
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_word_is_quoted() {
        let yaml = write(&json!({"200": [], "a": [{"b": "x: y", "c": 1.0}], "$ref": null}));
        assert_eq!(yaml, "\"$ref\": null\n\"200\": []\na:\n  -\n    b: \"x: y\"\n    c: 1\n");
    }
}
