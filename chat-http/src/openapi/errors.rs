//! The errors in the document: one shape, one response per status, and the statuses that each operation can answer
//! with.

use serde_json::{Map, Value, json};

use crate::{api::FOR_OPERATORS, integer::MAX_INTEGER, problem};

/// Declares the errors, and adds them to the operations.
pub(super) fn add(document: &mut Value) {
    let components = &mut document["components"];
    components["schemas"]["ProblemCode"] = json!({
        "description": "The name of an error, which never changes. Later versions may add names.",
        "type": "string",
        "enum": problem::codes().collect::<Vec<_>>(),
    });
    components["schemas"]["Problem"]["properties"]["code"] = json!({"$ref": "#/components/schemas/ProblemCode"});
    components["responses"] = ANSWERS.iter().map(|answer| (answer.name.to_owned(), answer.described())).collect();
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for operation in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
            add_to_operation(path, operation);
        }
    }
}

fn add_to_operation(path: &str, operation: &mut Value) {
    let has_body = operation.get("requestBody").is_some();
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let has = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
    let (has_key, has_room) = (has("Idempotency-Key"), path.contains('{') || has("room"));
    let for_operators = FOR_OPERATORS.iter().any(|own| path.ends_with(own));
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    // poem-openapi declares one response for all statuses, which this replaces.
    responses.remove("default");
    for answer in ANSWERS {
        let applies = match answer.status {
            404 => has_room || path.contains("/account") || for_operators,
            409 => has_body || has_key || path.ends_with("/feed"),
            413 | 415 => has_body,
            _ => true,
        };
        if applies {
            let reference = json!({"$ref": format!("#/components/responses/{}", answer.name)});
            responses.entry(answer.status.to_string()).or_insert(reference);
        }
    }
}

/// A response of the document.
struct Answer {
    status: u16,
    name: &'static str,
    title: &'static str,
    description: &'static str,
    /// Example problems: the code, the detail, and further fields in JSON.
    problems: &'static [(&'static str, &'static str, &'static str)],
    /// A header that the response always has.
    header: Option<(&'static str, &'static str, Kind)>,
}

/// The type of a header's value.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Seconds,
}

impl Answer {
    fn described(&self) -> Value {
        let example = |(code, detail, more): &(&str, &str, &str)| {
            let mut problem: Map<String, Value> = serde_json::from_str(more).unwrap_or_default();
            problem.insert("type".to_owned(), "about:blank".into());
            problem.insert("title".to_owned(), self.title.into());
            problem.insert("status".to_owned(), self.status.into());
            problem.insert("code".to_owned(), (*code).into());
            problem.insert("detail".to_owned(), (*detail).into());
            ((*code).to_owned(), json!({"value": problem}))
        };
        let mut answer = json!({
            "description": self.description,
            "content": {"application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": self.problems.iter().map(example).collect::<Map<_, _>>(),
            }},
        });
        if let Some((name, description, kind)) = self.header {
            let schema = match kind {
                Kind::Text => json!({"type": "string"}),
                Kind::Seconds => {
                    json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": MAX_INTEGER})
                }
            };
            answer["headers"][name] = json!({"description": description, "required": true, "schema": schema});
        }
        answer
    }
}

const RETRY_AFTER: Option<(&str, &str, Kind)> =
    Some(("Retry-After", "Try again after this many seconds.", Kind::Seconds));

const ANSWERS: &[Answer] = &[
    Answer {
        status: 400,
        name: "BadRequest",
        title: "Bad Request",
        description: "The request is malformed. `field` names what is wrong with it.",
        problems: &[
            ("invalid_field", "name: is missing", r#"{"field": "name"}"#),
            ("bad_json", "this is not JSON", "{}"),
            ("bad_request", "this is not an HTTP/1.1 request", "{}"),
            ("empty_message", "the message is empty", "{}"),
            ("too_long", "the message is longer than 4000 characters", "{}"),
        ],
        header: None,
    },
    Answer {
        status: 401,
        name: "Unauthenticated",
        title: "Unauthorized",
        description: "The request does not say who you are, or its credentials are wrong.",
        problems: &[("unauthenticated", "say who you are: add ?username=YOUR-NAME to the address", "{}")],
        header: Some(("WWW-Authenticate", "How to say who you are.", Kind::Text)),
    },
    Answer {
        status: 403,
        name: "Forbidden",
        title: "Forbidden",
        description: "This user, or this web page, may not do that. With `banned` and `muted`, `until` is when that is over, if it \
                      has an end.",
        problems: &[
            ("forbidden", "this is not allowed", "{}"),
            ("banned", "you are banned from this room", r#"{"until": "2026-11-29T11:30:00.000Z"}"#),
            ("muted", "you are muted in this room", "{}"),
        ],
        header: None,
    },
    Answer {
        status: 404,
        name: "NotFound",
        title: "Not Found",
        description: "There is no such room, message or account, this user may not know of it, or this server has no accounts.",
        problems: &[
            ("room_not_found", "no such room", "{}"),
            ("message_not_found", "no such message", "{}"),
            ("not_found", "no such path", "{}"),
        ],
        header: None,
    },
    Answer {
        status: 409,
        name: "Conflict",
        title: "Conflict",
        description: "The request conflicts with what exists: a room already has the name (`room` is that room, if you may read \
                      it), the idempotency key was used with other content, the message was deleted, the history is another \
                      one now, the room would have no owner while others are in, or who is in rooms is not kept here.",
        problems: &[
            (
                "name_taken",
                "a room with this name exists",
                r#"{"room": {"id": 1, "name": "general", "topic": "Everything", "created_at": "2026-11-22T10:00:00.000Z",
                    "head": 57, "last_message_at": "2026-11-22T11:30:00.000Z", "online": 2, "kind": "public", "owned": true,
                    "invites": "members", "members": 2}}"#,
            ),
            ("idempotency_mismatch", "this idempotency key was used with other content", "{}"),
            ("message_deleted", "the message was deleted", "{}"),
            ("epoch_changed", "the epoch is another one now", "{}"),
            ("last_owner", "the room needs an owner as long as others are in", "{}"),
            ("members_elsewhere", "who is in rooms is not kept here", "{}"),
        ],
        header: None,
    },
    Answer {
        status: 413,
        name: "TooLarge",
        title: "Payload Too Large",
        description: "The body is larger than 256 KiB.",
        problems: &[("too_large", "a body may have at most 262144 bytes", "{}")],
        header: None,
    },
    Answer {
        status: 415,
        name: "UnsupportedMediaType",
        title: "Unsupported Media Type",
        description: "The `Content-Type` of the body is not JSON in UTF-8.",
        problems: &[("unsupported_media_type", "send application/json in UTF-8, without a content encoding", "{}")],
        header: None,
    },
    Answer {
        status: 421,
        name: "WrongHost",
        title: "Misdirected Request",
        description: "The server does not serve this host.",
        problems: &[(
            "wrong_host",
            "this server does not serve this host; its operator can allow it with --allowed-host",
            "{}",
        )],
        header: None,
    },
    Answer {
        status: 429,
        name: "TooMany",
        title: "Too Many Requests",
        description: "You have reached a limit, or you send too fast. Nothing was stored.",
        problems: &[("rate_limited", "too fast", r#"{"retry_after_ms": 1500}"#)],
        header: RETRY_AFTER,
    },
    Answer {
        status: 500,
        name: "Internal",
        title: "Internal Server Error",
        description: "A bug in the server.",
        problems: &[("internal", "internal error", "{}")],
        header: None,
    },
    Answer {
        status: 503,
        name: "Unavailable",
        title: "Service Unavailable",
        description: "Not available now. Nothing was stored, except perhaps with `outcome_unknown`: try again with the same key.",
        problems: &[
            ("unavailable", "not available now; try again", r#"{"retry_after_ms": 1000}"#),
            ("overloaded", "the server is overloaded; try again", r#"{"retry_after_ms": 1000}"#),
            ("outcome_unknown", "the outcome is not known; try again with the same key", r#"{"retry_after_ms": 1000}"#),
        ],
        header: RETRY_AFTER,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_problems_that_there_are() {
        for answer in ANSWERS {
            for (code, _, more) in answer.problems {
                assert!(serde_json::from_str::<Map<String, Value>>(more).is_ok(), "{code}: {more}");
                assert_eq!(problem::status_of(code).as_u16(), answer.status, "{code}");
                assert_eq!(problem::status_of(code).canonical_reason(), Some(answer.title), "{code}");
            }
        }
    }
}
