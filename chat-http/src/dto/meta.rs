//! `meta`: what an application adds to a message. It is a JSON object, and is kept byte for byte.

use std::borrow::Cow;

use chat_core::{Body, Error};
use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseFromJSON, ParseResult, ToJSON, Type},
};
use serde::Serialize;
use serde_json::{Value, value::RawValue};

use crate::json::Fields;

/// How deep arrays and objects in it may be nested. Many readers of JSON stop at 128, and a message itself is nested in frames.
const MAX_DEPTH: usize = 64;

/// The `meta` of a message as it stands on the wire.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct Meta(Box<RawValue>);

impl Meta {
    /// What a message has. (The host may have stored what is no JSON: that is left out.)
    pub(crate) fn of(body: &Body) -> Option<Self> {
        let meta = body.meta.clone()?;
        RawValue::from_string(meta).ok().map(Self)
    }

    /// Takes the field, if it exists. An object without fields is an empty text.
    pub(super) fn take(fields: &mut Fields<'_>) -> Result<Option<String>, Error> {
        let Some(raw) = fields.raw("meta") else { return Ok(None) };
        if !raw.starts_with('{') {
            return Err(fields.wrong("meta", "must be an object"));
        }
        if raw.len() > Body::MAX_META_BYTES {
            return Err(Error::TooLong { what: "meta".into(), max: Body::MAX_META_BYTES, unit: "bytes".into() });
        }
        // A client that reads JSON strictly must be able to read every message.
        let value = serde_json::from_str(raw).ok().filter(|value| is_plain(value, MAX_DEPTH));
        let value: Value = value.ok_or_else(|| fields.wrong("meta", RULE))?;
        let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
        Ok(Some(if is_empty { String::new() } else { raw.to_owned() }))
    }
}

/// What JSON allows, and not every client can read.
const RULE: &str =
    "must be well-formed Unicode without U+0000, have finite numbers, and be nested at most 64 levels deep";

/// Whether it is nested at most so deep and has no U+0000.
fn is_plain(value: &Value, depth: usize) -> bool {
    let has_zero = |text: &str| text.contains('\0');
    match (value, depth.checked_sub(1)) {
        (Value::Object(fields), Some(depth)) => {
            fields.iter().all(|(name, value)| !has_zero(name) && is_plain(value, depth))
        }
        (Value::Array(items), Some(depth)) => items.iter().all(|value| is_plain(value, depth)),
        (Value::Object(_) | Value::Array(_), None) => false,
        (Value::String(text), _) => !has_zero(text),
        (Value::Null | Value::Bool(_) | Value::Number(_), _) => true,
    }
}

impl Type for Meta {
    const IS_REQUIRED: bool = true;

    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "object".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        let any = MetaSchemaRef::Inline(Box::new(MetaSchema::ANY));
        let object = MetaSchema { additional_properties: Some(Box::new(any)), ..MetaSchema::new("object") };
        MetaSchemaRef::Inline(Box::new(object))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

// Both are asked for by `Object`. Bodies are read by `FromFields`, and written by `Serialize`.
impl ParseFromJSON for Meta {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        let raw = RawValue::from_string(value.unwrap_or_default().to_string());
        Ok(Self(raw.map_err(poem_openapi::types::ParseError::custom)?))
    }
}

impl ToJSON for Meta {
    fn to_json(&self) -> Option<Value> {
        serde_json::from_str(self.0.get()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(meta: &str) -> Result<Option<String>, Error> {
        Meta::take(&mut Fields::parse(&format!(r#"{{"meta":{meta}}}"#)).unwrap())
    }

    #[test]
    fn an_object_is_kept_byte_for_byte() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(63), "]".repeat(63));
        for meta in [r#"{"b" : 1.0,  "a":"\u00e9","a":[]}"#, "{\n\"a\"\r\n: -0 }", r#"{"a":"\\u0000"}"#, &deep] {
            assert_eq!(taken(meta), Ok(Some(meta.to_owned())));
        }
        assert_eq!(taken("{}"), Ok(Some(String::new())));
        assert_eq!(taken("{ \n}"), Ok(Some(String::new())));
        assert_eq!(Meta::take(&mut Fields::parse("{}").unwrap()), Ok(None));
    }

    #[test]
    fn what_a_client_could_not_read_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(64), "]".repeat(64));
        let deeper = format!("{{\"a\":{}{}}}", "[".repeat(4_000), "]".repeat(4_000));
        for meta in [
            "null",
            "[]",
            "\"{}\"",
            "1",
            "true",
            r#"{"a":"\u0000"}"#,
            r#"{"a\u0000":1}"#,
            r#"{"a":["\ud800"]}"#,
            r#"{"a":1e999}"#,
            &deep,
            &deeper,
        ] {
            let error = taken(meta).unwrap_err();
            assert!(matches!(&error, Error::InvalidField { field, .. } if field == "meta"), "{meta}: {error:?}");
        }
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(Body::MAX_META_BYTES - 8));
        assert_eq!(long.len(), Body::MAX_META_BYTES);
        assert!(taken(&long).is_ok());
        assert_eq!(taken(&long.replacen('x', "xx", 1)).unwrap_err().code(), "too_long");
    }
}
