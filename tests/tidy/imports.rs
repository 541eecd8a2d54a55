//! Checks which modules and crates a file may name, by its path, so that the layers stay apart.

use std::{collections::HashMap, fs, path::Path, sync::LazyLock};

use super::{
    Complaint, File, each_line,
    source::{code, is_word, line_of, places},
};

/// The example of an app that embeds the chat. It has a database and routes of its own.
const HOST: &str = "examples/host_app.rs";

/// Crates that only certain files may name.
const FOREIGN: &[(&[&str], &[&str], &str)] = &[
    (
        &["sea_orm", "sea_orm_migration", "sea_query", "sqlx"],
        &[
            "chat-core/src/store/sea/",
            "chat-http/src/account/store/",
            "chat-core/tests/",
            "tests/",
            "benches/",
            "torture/",
            HOST,
        ],
        "databases are spoken to below chat-core/src/store/sea/ only, and for accounts below chat-http/src/account/store/; \
         everyone else uses the trait Store",
    ),
    (&["poem", "poem_openapi"], &["chat-http/", HOST], "poem is the business of chat-http alone"),
    (
        &["axum"],
        &["examples/axum_app.rs", "chat-http/tests/"],
        "any framework mounts the chat: `chat_http::service` names none but poem, which it is made of",
    ),
    (
        &["tokio", "tokio_tungstenite"],
        &[
            "chat-core/src/engine/",
            "chat-core/src/mutations/",
            "chat-core/src/store/sea/",
            "chat-core/src/testing/",
            "chat-core/tests/",
            "chat-http/",
            "src/",
            "tests/",
            "examples/",
            "benches/",
            "terminal/",
            "torture/",
        ],
        "the runtime is known to chat-core's engine/, store/sea/ and testing/, to chat-http and to the programs; \
         state and data do without",
    ),
    (
        &["serde", "serde_json"],
        &[
            "chat-core/src/serialized.rs",
            "chat-http/",
            "src/",
            "tests/",
            "examples/",
            "benches/",
            "histcheck/",
            "terminal/",
            "torture/",
        ],
        "wire types stand in the adapter: write a counterpart there and convert",
    ),
];

/// Complains about a crate that this file may not name.
pub(crate) fn foreign_crates(file: &File) -> Vec<Complaint> {
    if !file.path.ends_with(".rs") {
        return vec![];
    }
    let code = code(&without_optional_serde(&file.text));
    let mut complaints = Vec::new();
    for (names, homes, what) in FOREIGN {
        if homes.iter().any(|home| file.path.starts_with(home)) {
            continue;
        }
        for name in *names {
            let found = places(&code, name).map(|at| (line_of(&code, at), format!("do not name {name} here: {what}")));
            complaints.extend(found);
        }
    }
    complaints
}

/// The code without what derives serde's traits where a host asks for it by the feature. It may stand at data alone, which is not the
/// wire's.
fn without_optional_serde(text: &str) -> String {
    let derived = "#[cfg_attr(feature = \"serde\", derive(serde::Serialize, serde::Deserialize)";
    text.lines()
        .map(|line| if line.trim_start().starts_with(derived) { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Plain data, which names nothing but other data.
const DATA: &[&str] = &[
    "append",
    "archive",
    "audit",
    "body",
    "change",
    "characters",
    "clock",
    "command",
    "consumer",
    "delivery",
    "direct",
    "erasure",
    "error",
    "event",
    "fingerprint",
    "fold",
    "history",
    "id",
    "identity",
    "invalid",
    "invite",
    "limits",
    "log",
    "mark",
    "member",
    "model",
    "my_rooms",
    "notice",
    "outbox",
    "position",
    "reason",
    "retention",
    "rights",
    "room",
    "search",
    "subject",
    "tail",
    "text",
    "text_keys",
    "update",
    "users",
    "visible",
];

/// The modules of chat-core that a file of it may name; `None`: all.
fn may_name(path: &str) -> Option<Vec<&'static str>> {
    let own = |own: &[&'static str]| Some([DATA, own].concat());
    let module = path.split(['/', '.']).next().unwrap_or_default();
    match module {
        "lib" | "engine" | "testing" => None,
        "state" => own(&["state"]),
        "store" => own(&["store", "failpoints"]),
        "failpoints" => own(&["failpoints"]),
        "mutations" => own(&["mutations", "state", "store", "failpoints"]),
        "policy" => own(&["policy"]),
        _ => own(&[]),
    }
}

/// Complains about a module of chat-core that this file may not name.
pub(crate) fn own_modules(file: &File) -> Vec<Complaint> {
    let Some(path) = file.path.strip_prefix("chat-core/src/").filter(|path| path.ends_with(".rs")) else {
        return vec![];
    };
    let Some(known) = may_name(path) else { return vec![] };
    let code = code(&file.text);
    let mut complaints = Vec::new();
    for (at, name) in named_at(&code) {
        let module = RE_EXPORTS.get(name).map_or(name, String::as_str);
        // One exception: `store/sea/` makes a `Database` of a connection.
        let is_exception = path.starts_with("store/sea/") && name == "Database";
        if !known.contains(&module) && !is_exception {
            let what = format!("{path} may not name `{module}`, only {}: see ARCHITECTURE.md", known.join(", "));
            complaints.push((line_of(&code, at), what));
        }
    }
    complaints
}

/// Modules of the adapter that may not name certain others, so that no transport depends on another.
const STRANGERS: &[(&str, &[&str])] = &[
    ("chat-http/src/frames/", &["api", "sse", "ws"]),
    ("chat-http/src/sse.rs", &["api", "ws"]),
    ("chat-http/src/ws/", &["api", "sse"]),
    ("chat-http/src/api/", &["ws"]),
];

/// Complains about a module of the adapter that this file may not name.
pub(crate) fn adapter_modules(file: &File) -> Vec<Complaint> {
    let code = code(&file.text);
    let strangers = STRANGERS.iter().filter(|(place, _)| file.path.starts_with(place)).flat_map(|(_, names)| *names);
    let named = named_at(&code);
    let complain = |stranger: &&str| {
        let (at, name) = named.iter().find(|(_, name)| name == stranger)?;
        let what = format!("do not name `{name}` here: what several transports need has a module of its own");
        Some((line_of(&code, *at), what))
    };
    strangers.filter_map(complain).collect()
}

/// The names of the crate that a file uses: its modules, and what lib.rs re-exports.
fn named_at(code: &str) -> Vec<(usize, &str)> {
    let mut named = Vec::new();
    for at in places(code, "crate") {
        let Some(rest) = code[at..].strip_prefix("crate::") else { continue };
        let names = match rest.strip_prefix('{') {
            Some(group) => heads(group),
            None => vec![word(rest)],
        };
        named.extend(names.into_iter().map(|name| (at, name)));
    }
    named
}

/// The first word of each entry of a group in braces.
fn heads(group: &str) -> Vec<&str> {
    let mut heads = Vec::new();
    let mut depth = 0;
    let mut start = 0;
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => {
                heads.push(word(&group[start..at]));
                break;
            }
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                heads.push(word(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty() && *head != "self");
    heads
}

fn word(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.bytes().position(|byte| !is_word(byte)).unwrap_or(text.len());
    &text[..end]
}

/// The names that `pub use module::{…}` in lib.rs re-exports, with the module each comes from.
static RE_EXPORTS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("chat-core/src/lib.rs");
    let lib = code(&fs::read_to_string(lib).unwrap());
    let mut names = HashMap::new();
    for statement in lib.split("pub use ").skip(1) {
        let (path, _) = statement.split_once(';').unwrap();
        let (module, what) = path.split_once("::").unwrap();
        let what = match what.strip_prefix('{') {
            Some(group) => heads(group),
            None => vec![word(what)],
        };
        names.extend(what.into_iter().map(|name| (name.to_owned(), module.to_owned())));
    }
    names
});

/// chat-core serves any transport, so it mentions none.
pub(crate) fn transport_words(file: &File) -> Vec<Complaint> {
    if !file.path.starts_with("chat-core/") {
        return vec![];
    }
    each_line(file, |line| {
        // Addresses, and functions by which databases read lists.
        let others = ["https://", "http://", "json_each(", "json_table("];
        let line = others.iter().fold(line.to_lowercase(), |line, other| line.replace(other, ""));
        let word = ["http", "json", "websocket", "poem", "openapi"].into_iter().find(|word| line.contains(word))?;
        Some(format!("chat-core knows no transport: say it without {word:?}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{complains, is_content};

    #[test]
    fn the_database_outside_its_folder() {
        let text = "//! sea_orm is not named here.\nuse sea_orm::Database;\n";
        complains(foreign_crates, "chat-core/src/engine/builder.rs", text, 2);
        is_content(foreign_crates, "chat-core/src/store/sea/mod.rs", text);
    }

    #[test]
    fn poem_outside_its_adapter() {
        complains(foreign_crates, "src/main.rs", "fn a() {\n    poem::get(b)\n}\n", 2);
        is_content(foreign_crates, "chat-http/src/api/rooms.rs", "use poem::get;\n");
    }

    #[test]
    fn a_runtime_in_the_state() {
        complains(foreign_crates, "chat-core/src/state/room.rs", "use tokio::time::Instant;\n", 1);
        complains(foreign_crates, "chat-core/src/store/memory.rs", "use tokio::sync::Mutex;\n", 1);
        is_content(foreign_crates, "chat-core/src/store/memory.rs", "a\n#[cfg(test)]\nmod tests { use tokio::a; }\n");
    }

    #[test]
    fn wire_types_in_the_engine() {
        complains(foreign_crates, "chat-core/src/model.rs", "#[derive(serde::Serialize)]\nstruct A;\n", 1);
        let optional = "#[cfg_attr(feature = \"serde\", derive(serde::Serialize, serde::Deserialize))]\nstruct A;\n";
        is_content(foreign_crates, "chat-core/src/model.rs", optional);
    }

    #[test]
    fn a_layer_that_names_the_one_above() {
        let state = "chat-core/src/state/room.rs";
        complains(own_modules, state, "use crate::{Delivery, engine::hub};\n", 1);
        complains(own_modules, state, "use crate::{\n    ChatEngine,\n};\n", 1);
        complains(own_modules, state, "\nfn a(b: crate::store::StoreError) {}\n", 2);
        is_content(own_modules, state, "use crate::{Delivery, Seq, append::{Append, Lookup}, state::Effect};\n");
        complains(own_modules, "chat-core/src/store/memory.rs", "use crate::state::RoomState;\n", 1);
        complains(own_modules, "chat-core/src/store/memory.rs", "use crate::Database;\n", 1);
        is_content(own_modules, "chat-core/src/store/sea/mod.rs", "use crate::{Database, Epoch};\n");
        complains(own_modules, "chat-core/src/policy.rs", "use crate::store::Store;\n", 1);
        complains(own_modules, "chat-core/src/model.rs", "use crate::Policy;\n", 1);
        is_content(own_modules, "chat-core/src/engine/hub.rs", "use crate::{state::RoomState, store::Store};\n");
        is_content(own_modules, "chat-core/src/testing/world.rs", "use crate::engine::Health;\n");
    }

    #[test]
    fn a_transport_that_leans_on_another() {
        complains(adapter_modules, "chat-http/src/sse.rs", "use crate::{\n    frames, ws,\n};\n", 1);
        complains(adapter_modules, "chat-http/src/frames/answer.rs", "\nfn a(b: crate::ws::B) {}\n", 2);
        is_content(adapter_modules, "chat-http/src/sse.rs", "use crate::{frames, position};\n");
        is_content(adapter_modules, "chat-http/src/lib.rs", "use crate::ws;\n");
    }

    #[test]
    fn a_transport_in_the_engine() {
        complains(transport_words, "chat-core/src/lib.rs", "//! Speaks JSON.\n", 1);
        complains(transport_words, "chat-core/Cargo.toml", "[features]\nwebsocket = []\n", 2);
        is_content(transport_words, "chat-core/src/text.rs", "//! See https://example.org.\n");
        is_content(transport_words, "chat-http/src/lib.rs", "//! Speaks JSON.\n");
    }
}
