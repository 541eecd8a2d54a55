//! Reads JSON objects strictly: duplicate keys, unknown fields and wrong types are refused, by the field's name.
//!
//! REST bodies and WebSocket frames share this code, so that both refuse the same things with the same texts.

use std::{borrow::Cow, collections::BTreeMap, fmt, ops::RangeInclusive};

use chat_core::Error;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{integer::integer_within, refusal::Refusal};

/// The fields of an object. Each is taken out once; a field that is left at the end is unknown.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    path: String,
    fields: BTreeMap<Cow<'a, str>, &'a RawValue>,
}

/// A JSON object that is read field by field.
pub(crate) trait FromFields {
    /// What is read.
    type Read;

    /// Takes the fields of the object. The caller refuses any field that is left.
    fn from_fields(fields: &mut Fields<'_>) -> Result<Self::Read, Refusal>;
}

impl<'a> Fields<'a> {
    /// Parses an object. Values are only checked to be JSON; each is read when it is taken.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Refusal> {
        let Pairs(fields) = serde_json::from_str(text).map_err(|error| Refusal::BadJson(why(&error)))?;
        Ok(Self { path: String::new(), fields })
    }

    /// Takes a text, if the field exists.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, Error> {
        let Some(raw) = self.fields.remove(name) else { return Ok(None) };
        if !raw.get().starts_with('"') {
            return Err(self.wrong(name, "must be a string"));
        }
        // Well-formed JSON can contain half of a surrogate pair, which is not Unicode text.
        let text: String =
            serde_json::from_str(raw.get()).map_err(|_| self.wrong(name, "must be well-formed Unicode"))?;
        if text.contains('\0') {
            return Err(self.wrong(name, "must not contain U+0000"));
        }
        Ok(Some(text))
    }

    /// Takes a text that must exist.
    pub(crate) fn required_text(&mut self, name: &'static str) -> Result<String, Error> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// Takes an integer in this range, if the field exists.
    pub(crate) fn integer(&mut self, name: &'static str, range: RangeInclusive<u64>) -> Result<Option<u64>, Error> {
        let Some(raw) = self.fields.remove(name) else { return Ok(None) };
        integer_within(raw.get(), range).map(Some).map_err(|reason| self.wrong(name, reason))
    }

    /// Takes `true` or `false`, if the field exists.
    pub(crate) fn boolean(&mut self, name: &'static str) -> Result<Option<bool>, Error> {
        match self.fields.remove(name).map(RawValue::get) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(self.wrong(name, "must be true or false")),
        }
    }

    /// Takes `true` or `false`, which must exist.
    pub(crate) fn required_boolean(&mut self, name: &'static str) -> Result<bool, Error> {
        self.boolean(name)?.ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// Takes a list of texts, if the field exists.
    pub(crate) fn texts(&mut self, name: &'static str) -> Result<Option<Vec<String>>, Error> {
        let Some(raw) = self.fields.remove(name) else { return Ok(None) };
        let texts: Vec<String> =
            serde_json::from_str(raw.get()).map_err(|_| self.wrong(name, "must be a list of well-formed strings"))?;
        if texts.iter().any(|text| text.contains('\0')) {
            return Err(self.wrong(name, "must not contain U+0000"));
        }
        Ok(Some(texts))
    }

    /// Takes a value as it is written, if the field exists.
    pub(crate) fn raw(&mut self, name: &'static str) -> Option<&'a str> {
        self.fields.remove(name).map(RawValue::get)
    }

    /// Takes an object, if the field exists.
    pub(crate) fn object(&mut self, name: &'static str) -> Result<Option<Self>, Refusal> {
        let Some(raw) = self.fields.remove(name) else { return Ok(None) };
        if !raw.get().starts_with('{') {
            return Err(self.wrong(name, "must be an object").into());
        }
        let mut inner = Self::parse(raw.get())?;
        inner.path = self.at(name);
        inner.path.push('.');
        Ok(Some(inner))
    }

    /// Ends the reading. Fields that are left are unknown, and are refused.
    pub(crate) fn finish(self) -> Result<(), Error> {
        match self.fields.keys().next() {
            None => Ok(()),
            Some(name) => Err(self.wrong(name, "is not known")),
        }
    }

    /// The error of one of these fields.
    pub(crate) fn wrong(&self, name: &str, reason: impl Into<Cow<'static, str>>) -> Error {
        Error::invalid_field(self.at(name), reason)
    }

    fn at(&self, name: &str) -> String {
        // The field name comes from the client, so its length in the answer is limited.
        let shown: String = name.chars().take(64).collect();
        format!("{}{shown}", self.path)
    }
}

/// Why a text is not a JSON object, in our own words rather than the parser's.
fn why(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Data if error.to_string().starts_with(DOUBLED) => "a key occurs twice",
        serde_json::error::Category::Data => "a JSON object is expected",
        serde_json::error::Category::Eof => "the JSON ends too early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "this is not JSON",
    }
}

const DOUBLED: &str = "doubled key";

struct Pairs<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            if fields.insert(key, value).is_some() {
                return Err(de::Error::custom(DOUBLED));
            }
        }
        Ok(Pairs(fields))
    }
}

/// A key. It is borrowed unless it has escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: de::Error>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Borrowed(key)))
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Owned(key.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integer::MAX_INTEGER;

    fn field_of(error: Error) -> String {
        let Error::InvalidField { field, .. } = error else { panic!("{error:?}") };
        field.into_owned()
    }

    fn bad_json(text: &str) -> &'static str {
        let refusal = Fields::parse(text).unwrap_err();
        let Refusal::BadJson(why) = refusal else { panic!("{refusal:?}") };
        why
    }

    #[test]
    fn what_is_not_one_object_is_bad_json() {
        for text in
            ["", " ", "null", "[]", "0", "\"a\"", "{", "{\"a\":1", "{} x", "{}{}", "\u{feff}{}", "{a:1}", "{\"a\":NaN}"]
        {
            bad_json(text);
        }
        assert_eq!(bad_json("{\"a\":1,\"a\":1}"), "a key occurs twice");
        assert_eq!(bad_json("{\"a\":1,\"\\u0061\":1}"), "a key occurs twice");
    }

    #[test]
    fn doubled_keys_are_found_in_inner_objects() {
        let mut fields = Fields::parse(r#"{"after":{"seq":1,"seq":2}}"#).unwrap();
        assert!(matches!(fields.object("after").unwrap_err(), Refusal::BadJson(_)));
    }

    #[test]
    fn deep_nesting_is_no_danger() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let mut fields = Fields::parse(&deep).unwrap();
        assert_eq!(field_of(fields.text("a").unwrap_err()), "a");
        bad_json(&"[".repeat(100_000));
    }

    #[test]
    fn wrong_types_and_strangers_are_named() {
        for wrong in ["null", "1", "true", "[]", "{}", r#""\ud800""#, r#""a\u0000""#] {
            let text = format!("{{\"name\":{wrong}}}");
            assert_eq!(field_of(Fields::parse(&text).unwrap().text("name").unwrap_err()), "name", "{wrong}");
        }
        let mut fields = Fields::parse(r#"{"after":{"seq":"1","x":1},"z":1}"#).unwrap();
        let mut after = fields.object("after").unwrap().unwrap();
        assert_eq!(field_of(after.integer("seq", 0..=9).unwrap_err()), "after.seq");
        assert_eq!(field_of(after.finish().unwrap_err()), "after.x");
        assert_eq!(field_of(fields.finish().unwrap_err()), "z");
    }

    #[test]
    fn only_plain_integers_are_integers() {
        for wrong in ["1.5", "1e2", "1e400", "-0", "-1", "9007199254740992", "18446744073709551616", "null", "\"1\""] {
            let text = format!("{{\"room\":{wrong}}}");
            let error = Fields::parse(&text).unwrap().integer("room", 0..=MAX_INTEGER).unwrap_err();
            assert_eq!(field_of(error), "room", "{wrong}");
        }
        let mut fields = Fields::parse(r#"{"a":9007199254740991,"b":0}"#).unwrap();
        assert_eq!(fields.integer("a", 1..=MAX_INTEGER).unwrap(), Some(MAX_INTEGER));
        assert!(fields.integer("b", 1..=MAX_INTEGER).is_err());
    }
}
