//! Declares `ETag` and 304 for the answers that clients may keep.

use serde_json::{Value, json};

/// The operations whose answers have a tag.
const TAGGED: [&str; 13] = [
    "list_rooms",
    "get_room",
    "list_members",
    "list_bans",
    "list_mutes",
    "list_messages",
    "get_message",
    "list_edits",
    "list_thread",
    "list_reactions",
    "list_pins",
    "list_reads",
    "list_my_rooms",
];

/// Declares `ETag` and 304.
pub(super) fn add(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in paths.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
        if !operation["operationId"].as_str().is_some_and(|name| TAGGED.contains(&name)) {
            continue;
        }
        let tag = json!({
            "description": "The tag of this answer: send it back in `If-None-Match`.",
            "required": true,
            "schema": {"type": "string"},
        });
        let responses = &mut operation["responses"];
        responses["200"]["headers"]["ETag"] = tag.clone();
        responses["304"] = json!({
            "description": "Nothing has changed: you have the answer with a tag in `If-None-Match`.",
            "headers": {"ETag": tag},
        });
    }
}
