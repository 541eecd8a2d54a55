//! The part of OpenAPI's schemas that our document uses, and a check whether a value fits one.

use serde_json::{Map, Value};

/// The OpenAPI document.
pub(crate) struct Document(Value);

impl Document {
    pub(crate) fn new() -> Self {
        Self(serde_json::from_str(&chat_http::openapi_json()).unwrap())
    }

    pub(crate) fn root(&self) -> &Value {
        &self.0
    }

    pub(crate) fn schemas(&self) -> &Map<String, Value> {
        self.0["components"]["schemas"].as_object().unwrap()
    }

    /// Fails unless the value fits the schema. Fields that the schema does not name are errors, too.
    #[track_caller]
    pub(crate) fn check(&self, schema: &Value, value: &Value, what: &str) {
        if let Err(why) = self.try_check(schema, value) {
            panic!("{what}: {why}, in {value}");
        }
    }

    fn try_check(&self, schema: &Value, value: &Value) -> Result<(), String> {
        if let Some(reference) = schema.get("$ref") {
            let name = reference.as_str().unwrap().strip_prefix("#/components/schemas/").unwrap();
            let schema = self.schemas().get(name).ok_or_else(|| format!("{name} is not described"))?;
            return self.try_check(schema, value).map_err(|why| format!("{name}: {why}"));
        }
        if let Some(union) = schema.get("discriminator") {
            let kind = value["type"].as_str().ok_or("no type")?;
            let one = union["mapping"].get(kind).ok_or_else(|| format!("{kind} is not described"))?;
            assert!(schema["oneOf"].as_array().unwrap().iter().any(|part| part["$ref"] == *one), "{kind}: {schema}");
            return self.try_check(&serde_json::json!({ "$ref": one }), value);
        }
        if value.is_null() && schema["nullable"] == true {
            return Ok(());
        }
        let is_listed = schema.get("enum").is_none_or(|listed| listed.as_array().unwrap().contains(value));
        let fits = match schema["type"].as_str().ok_or_else(|| format!("no type in {schema}"))? {
            "string" => value.as_str().is_some_and(|text| fits_text(schema, text)),
            "integer" => value.as_u64().is_some_and(|number| fits_bounds(schema, number)),
            "boolean" => value.is_boolean(),
            "array" => return self.check_items(schema, value),
            "object" => return self.check_fields(schema, value),
            other => return Err(format!("unknown type {other}")),
        };
        if fits && is_listed { Ok(()) } else { Err(format!("{value} is not {schema}")) }
    }

    fn check_items(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let items = value.as_array().ok_or_else(|| format!("{value} is no array"))?;
        items.iter().try_for_each(|item| self.try_check(&schema["items"], item))
    }

    fn check_fields(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let fields = value.as_object().ok_or_else(|| format!("{value} is no object"))?;
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap()) {
                return Err(format!("{name} is missing"));
            }
        }
        let is_open = schema["additionalProperties"] == true;
        for (name, field) in fields.iter().filter(|(name, _)| !is_open || schema["properties"].get(name).is_some()) {
            let schema = schema["properties"].get(name).ok_or_else(|| format!("{name} is not described"))?;
            self.try_check(schema, field).map_err(|why| format!("{name}: {why}"))?;
        }
        Ok(())
    }
}

fn fits_text(schema: &Value, text: &str) -> bool {
    let length = text.chars().count() as u64;
    let is_time = text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T';
    schema.get("minLength").is_none_or(|least| length >= least.as_u64().unwrap())
        && schema.get("maxLength").is_none_or(|most| length <= most.as_u64().unwrap())
        && schema.get("format").is_none_or(|format| *format != "date-time" || is_time)
}

/// Whether an integer is within both bounds, which every integer must have.
fn fits_bounds(schema: &Value, number: u64) -> bool {
    let bound = |name: &str| schema[name].as_u64().unwrap_or_else(|| panic!("{name} is missing in {schema}"));
    (bound("minimum")..=bound("maximum")).contains(&number)
}
