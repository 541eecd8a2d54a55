//! The document's patterns in JavaScript, compared with what the server accepts.

use std::fs;

use serde_json::{Value, json};

use crate::{
    common::Server,
    stage::{Stage, run},
    texts::texts,
};

/// Makes the request that contains a text.
type Asking = fn(&str) -> Request;

/// The fields to try: where the pattern is, and the request.
const FIELDS: [(&str, Asking); 4] = [
    ("/components/schemas/UserName", |text| Request::get(&format!("/rooms?username={}", percent_encoded(text)))),
    ("/components/schemas/RoomDraft/properties/name", |text| Request::post("/rooms", json!({"name": text}))),
    ("/components/schemas/RoomChange/properties/topic", |text| Request::patch("/rooms/1", json!({"topic": text}))),
    ("/components/schemas/MessageDraft/properties/content", |text| {
        Request::post("/rooms/1/messages?username=Alice", json!({"content": text}))
    }),
];

#[tokio::test]
#[ignore = "needs Node: cargo xtask test"]
async fn the_server_takes_what_the_patterns_take_in_javascript() {
    let stage = Stage::set("patterns").await;
    stage.server.room("general").await;
    let document: Value = serde_json::from_slice(&fs::read(stage.folder.file("openapi.json")).unwrap()).unwrap();
    // The length of topics is limited besides the pattern.
    let texts: Vec<String> = texts(1_500).filter(|text| text.chars().count() <= 1_024).collect();
    for (pointer, request) in FIELDS {
        let pattern = &document.pointer(pointer).unwrap()["pattern"];
        let asked = json!({"pattern": pattern, "texts": texts});
        fs::write(stage.folder.file("asked.json"), asked.to_string()).unwrap();
        let told = run(stage.command("node").args(["--eval", MATCH])).await;
        let matches: Vec<bool> = serde_json::from_str(&told).unwrap();
        assert!(matches.contains(&true) && matches.contains(&false), "{pointer}");
        for (text, matches) in texts.iter().zip(matches) {
            let is_taken = request(text).ask(&stage.server).await;
            assert_eq!(is_taken, matches, "{pointer}: {text:?}");
        }
    }
}

const MATCH: &str = "const { pattern, texts } = JSON.parse(require('fs').readFileSync('asked.json', 'utf8'));
                     const expression = new RegExp(pattern, 'u');
                     console.log(JSON.stringify(texts.map((text) => expression.test(text))));";

/// A request to the REST API.
struct Request {
    method: &'static str,
    path: String,
    body: Option<Value>,
}

impl Request {
    fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), body: None }
    }

    fn post(path: &str, body: Value) -> Self {
        Self { method: "POST", path: path.to_owned(), body: Some(body) }
    }

    fn patch(path: &str, body: Value) -> Self {
        Self { method: "PATCH", path: path.to_owned(), body: Some(body) }
    }

    /// Sends the request; returns whether the text is accepted. (A name may be refused as taken.)
    async fn ask(self, server: &Server) -> bool {
        let Self { method, path, body } = self;
        let reply = server.call(method, &path, &[], body).await;
        let code = serde_json::from_slice::<Value>(&reply.body).unwrap()["code"].as_str().unwrap_or("ok").to_owned();
        match (reply.status, &*code) {
            (200 | 201, "ok") | (409, "name_taken") => true,
            (400, "invalid_field" | "empty_message") => false,
            (status, code) => panic!("{status} {code}: {path}"),
        }
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
