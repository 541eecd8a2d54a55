//! Corrections of the document where poem-openapi writes it differently from what generators of clients expect.

use serde_json::{Map, Value, json};

use crate::{api::patterns, integer::MAX_INTEGER};

/// Corrects the whole document.
pub(super) fn postprocess(document: &mut Value) {
    let operations = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in operations.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
        postprocess_operation(operation);
    }
    add_user_name(&mut document["components"]["schemas"]);
    for (name, schema) in document["components"]["schemas"].as_object_mut().into_iter().flatten() {
        postprocess_component(name, schema);
    }
    postprocess_schemas(document);
    copy_nullable(&mut document["components"]["schemas"]);
}

/// Moves the long pattern of user names into one schema, which the security schemes name, too.
fn add_user_name(schemas: &mut Value) {
    schemas["UserName"] = json!({"type": "string", "description": USER_NAME, "pattern": &**patterns::USER_NAME});
}

const USER_NAME: &str = "The name of a user: 1–64 visible characters. White space around it is removed, several spaces within \
                         become one, and it is stored in NFC. Send it in NFC: the server counts the characters that you send, and \
                         a name with a character that becomes several in NFC may have at most 21. Names that begin with `guest:`, `account:` or `erased:` are \
                         refused.";

fn postprocess_operation(operation: &mut Value) {
    let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(parameter) = parameter.as_object_mut() else { continue };
        parameter.remove("explode");
        parameter.retain(|key, value| key != "deprecated" || *value != false);
        if let Some((_, pattern)) = CURSORS.iter().find(|(operation, _)| *operation == name)
            && parameter["name"] == "after"
        {
            parameter["schema"]["pattern"] = (*pattern).into();
            parameter["schema"].as_object_mut().map(|schema| schema.remove("maxLength"));
        }
        if parameter["name"] == "role" {
            // So that generators make one type of it.
            parameter.insert("schema".to_owned(), json!({"$ref": "#/components/schemas/Role"}));
        }
        if REQUIRED.iter().any(|(operation, required)| *operation == name && parameter["name"] == *required) {
            parameter.insert("required".to_owned(), true.into());
        }
    }
    for response in operation["responses"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        postprocess_headers(response);
    }
}

/// The parameters of a query that have to be there.
const REQUIRED: [(&str, &str); 2] = [("search_messages", "q"), ("list_dead_letters", "consumer")];

/// The operations with a cursor, and its pattern.
const CURSORS: [(&str, &str); 13] = [
    ("list_accounts", patterns::USER_CURSOR),
    ("list_rooms", patterns::CURSOR),
    ("list_reactions", patterns::CURSOR),
    ("list_reads", patterns::USER_CURSOR),
    ("list_members", patterns::MEMBER_CURSOR),
    ("list_bans", patterns::USER_CURSOR),
    ("list_mutes", patterns::USER_CURSOR),
    ("list_invites", patterns::INVITE_CODE),
    ("list_audit", patterns::CURSOR),
    ("read_feed", patterns::LOG_CURSOR),
    ("list_dead_letters", patterns::CURSOR),
    ("list_my_rooms", patterns::MY_ROOMS_CURSOR),
    ("search_messages", patterns::SEARCH_CURSOR),
];

/// The schemas of requests. They are read strictly, so unknown fields are not allowed.
const REQUESTS: [&str; 15] = [
    "AccountDraft",
    "LoginRequest",
    "PasswordChange",
    "AccountClosing",
    "RoomDraft",
    "DirectDraft",
    "RoomChange",
    "MemberDraft",
    "RestrictionDraft",
    "InviteDraft",
    "MessageDraft",
    "MessageEdit",
    "MarkRequest",
    "NotifyRequest",
    "MeChange",
];

/// The fields that hold a time.
const TIMES: [&str; 9] = [
    "timestamp",
    "created_at",
    "last_message_at",
    "expires_at",
    "joined_at",
    "muted_until",
    "until",
    "since",
    "next_try",
];

/// The field that is left out where it does not apply, and may be null where it does.
const OPTIONAL_NULLABLE: (&str, &str) = ("Member", "muted_until");

/// poem-openapi writes header names in capitals.
fn postprocess_headers(response: &mut Value) {
    let Some(Value::Object(headers)) = response.get_mut("headers") else { return };
    let calm = |word: &str| word[..1].to_owned() + &word[1..].to_lowercase();
    *headers = std::mem::take(headers)
        .into_iter()
        .map(|(name, mut header)| {
            if let Some(header) = header.as_object_mut() {
                header.retain(|key, value| key != "deprecated" || *value != false);
            }
            let name = if name == "ETag" { name } else { name.split('-').map(calm).collect::<Vec<_>>().join("-") };
            (name, header)
        })
        .collect();
}

fn postprocess_component(name: &str, schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    schema.remove("title");
    if REQUESTS.contains(&name) {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
    if name == "RoomChange" {
        schema.insert("minProperties".to_owned(), 1.into());
    }
    let is_request = schema.get("additionalProperties") == Some(&json!(false));
    // Nothing may be read yet.
    let from_zero = matches!(name, "MarkRequest" | "Unread" | "ReadMark");
    let mut always_there = Vec::new();
    let schema_name = name;
    for (name, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        if TIMES.contains(&name.as_str()) {
            property["format"] = "date-time".into();
        }
        if is_request && let Some(pattern) = patterns::of(name) {
            property["pattern"] = pattern.into();
        }
        if is_request && name == "username" {
            *property = json!({"$ref": "#/components/schemas/UserName"});
        }
        if is_request && name == "user" {
            property["pattern"] = patterns::OTHER_USER.into();
        }
        if is_request && name == "mentions" {
            property["items"]["pattern"] = patterns::USER_ID.into();
        }
        if name == "meta" {
            property["additionalProperties"] = true.into();
        }
        if property["type"] == "integer" {
            bound(if from_zero { "" } else { name }, property);
        }
        if is_nullable(property) && (schema_name, name.as_str()) != OPTIONAL_NULLABLE {
            always_there.push(name.clone());
        }
    }
    // A field that may be null is always present.
    let required = schema.entry("required").or_insert_with(|| json!([]));
    if let Some(required) = required.as_array_mut() {
        required.extend(
            always_there
                .into_iter()
                .filter(|name| !required.contains(&json!(name)))
                .map(Value::from)
                .collect::<Vec<_>>(),
        );
        if required.is_empty() {
            schema.remove("required");
        }
    }
}

/// Gives each integer the bounds of what it counts.
fn bound(name: &str, property: &mut Value) {
    let (least, most) = match name {
        "id" | "room" | "seq" if property.get("minimum").is_none() => (1, MAX_INTEGER),
        "status" => (400, 599),
        _ => (0, MAX_INTEGER),
    };
    property["format"] = "int64".into();
    for (key, value) in [("minimum", least), ("maximum", most)] {
        if property.get(key).is_none() {
            property[key] = value.into();
        }
    }
}

/// Corrects what is wrong in every schema.
fn postprocess_schemas(value: &mut Value) {
    match value {
        Value::Object(object) => {
            unwrap_reference(object);
            if object.contains_key("oneOf") {
                object.remove("type");
            }
            if object.get("type") == Some(&json!("integer")) {
                for bound in ["minimum", "maximum"] {
                    if let Some(bound) = object.get_mut(bound) {
                        *bound = whole(bound);
                    }
                }
            }
            // Examples are not schemas.
            for (_, inner) in object.iter_mut().filter(|(key, _)| !matches!(key.as_str(), "example" | "examples")) {
                postprocess_schemas(inner);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(postprocess_schemas),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// poem-openapi wraps a reference with a description in an `allOf`, from which generators make another type. This
/// removes it. What may be null is marked, for [`copy_nullable`].
fn unwrap_reference(object: &mut Map<String, Value>) {
    let Some(all) = object.get("allOf").and_then(Value::as_array) else { return };
    let Some(reference) = all.iter().find(|part| part.get("$ref").is_some()).and_then(Value::as_object) else { return };
    let mut reference = reference.clone();
    if is_nullable(&Value::Object(object.clone())) {
        reference.insert("nullable".to_owned(), true.into());
    }
    *object = reference;
}

/// A reference to a schema stands alone, so it cannot say that null is allowed, too. This puts the schema in its place.
fn copy_nullable(schemas: &mut Value) {
    let originals = schemas.clone();
    let components = schemas.as_object_mut().into_iter().flatten().map(|(_, schema)| schema);
    for property in
        components.filter_map(|schema| schema.get_mut("properties")?.as_object_mut()).flat_map(Map::values_mut)
    {
        if property["nullable"] == true
            && let Some(name) = property["$ref"].as_str().and_then(|reference| reference.rsplit('/').next())
        {
            *property = originals[name].clone();
            property["nullable"] = true.into();
        }
    }
}

/// Whether a value may be null, by itself or by a part of an `allOf`.
fn is_nullable(schema: &Value) -> bool {
    let mut parts = schema["allOf"].as_array().into_iter().flatten();
    schema["nullable"] == true || parts.any(|part| part["nullable"] == true)
}

/// poem-openapi has bounds as floats, and writes the largest ones too small by one.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "below 2^53 both are exact"
)]
fn whole(bound: &Value) -> Value {
    match bound.as_f64() {
        Some(bound) if bound >= (MAX_INTEGER - 1) as f64 => MAX_INTEGER.into(),
        Some(bound) => (bound as u64).into(),
        None => bound.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_stand_alone() {
        let mut schema =
            json!({"properties": {"a": {"allOf": [{"$ref": "#/b"}, {"description": "c"}], "description": "c"}}});
        postprocess_schemas(&mut schema);
        assert_eq!(schema, json!({"properties": {"a": {"$ref": "#/b"}}}));
    }

    #[test]
    fn what_may_be_null_has_its_own_copy() {
        let nullable = json!({"allOf": [{"$ref": "#/components/schemas/B"}, {"nullable": true}]});
        let mut schemas = json!({"A": {"properties": {"a": nullable}}, "B": {"type": "object"}});
        postprocess_schemas(&mut schemas);
        copy_nullable(&mut schemas);
        assert_eq!(schemas["A"], json!({"properties": {"a": {"type": "object", "nullable": true}}}));
    }

    #[test]
    fn bounds_are_whole_and_exact() {
        let mut schema = json!({"type": "integer", "minimum": 1.0, "maximum": 9_007_199_254_740_990.0});
        postprocess_schemas(&mut schema);
        assert_eq!(schema, json!({"type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_991_u64}));
    }

    #[test]
    fn what_may_be_null_is_always_there() {
        let mut schema = json!({"type": "object", "properties": {"next": {"type": "string", "nullable": true}}});
        postprocess_component("Page", &mut schema);
        assert_eq!(schema["required"], json!(["next"]));
    }
}
