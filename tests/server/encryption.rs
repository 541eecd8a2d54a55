//! Texts that are encrypted in the database: whoever has the database and not the keys finds none.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
};

use chat_core::{Body, append::Op};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::common::{DEADLINE, Database, Server, content::found_in, on_each_database};

on_each_database!(
    texts_are_encrypted_with_other_keys_and_decrypted,
    #[cfg_attr(not(failpoints), ignore = "needs a server with failpoints: cargo xtask test")]
    a_rewriting_that_is_killed_goes_on,
);

/// What people write: a message, its edit, its `meta`, a thread, and the reason of a deletion.
const BEFORE: [&str; 5] = ["quartzfalcon", "nebulapigeon", "velvetanchor", "copperlantern", "slatecricket"];
const AFTER: [&str; 5] = ["marblewillow", "thunderquill", "saffronharbor", "emberspindle", "cobaltmeadow"];

async fn texts_are_encrypted_with_other_keys_and_decrypted(database: Database) {
    let all = [BEFORE, AFTER].concat();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    write(&server, room, &BEFORE).await;
    server.stop().await;
    assert_eq!(found_in(&database, &BEFORE).await.len(), BEFORE.len());
    let sql = format!("SELECT COUNT(*) FROM chat_events WHERE fingerprint = {}", fingerprint(&BEFORE));
    assert_eq!(database.number(&sql).await, 1);

    // From the first start with keys on, nothing is written as it is.
    let keys = KeyFile::new(&database).await;
    let server = Server::start_with(&database, &["--text-keys", keys.path()]).await;
    write(&server, room, &AFTER).await;
    server.wait_for_output("all texts are rewritten", 1).await;
    reads_as_before(&server, room).await;
    server.stop().await;
    assert_eq!(found_in(&database, &all).await, BTreeSet::new(), "no text is left in plain");
    for words in [BEFORE, AFTER] {
        let sql = format!("SELECT COUNT(*) FROM chat_events WHERE fingerprint = {}", fingerprint(&words));
        assert_eq!(database.number(&sql).await, 0, "a fingerprint would tell a text that is guessed");
    }

    // Nobody opens it with other keys, or without.
    let (status, said) = Server::fail(&database).await;
    assert!(status.code() == Some(5) && said.contains("its texts are encrypted: it needs their keys"), "{said}");
    let others = KeyFile::new(&database).await;
    let (status, said) = Server::fail_with(&database, &["--text-keys", others.path()]).await;
    assert!(status.code() == Some(5) && said.contains("its texts are encrypted by other keys"), "{said}");
    let (status, said) = Server::command(database.url(), &["rotate-keys", "--text-keys", others.path()], &[]).await;
    assert!(status.code() == Some(5) && others.texts() == ["1"], "{said}");

    // A new key for texts takes the place of the one before.
    let before = keys.read();
    let (status, said) = Server::command(database.url(), &["rotate-keys", "--text-keys", keys.path()], &[]).await;
    assert!(status.success() && keys.texts() == ["2"], "{said}");
    fs::write(&others.0, before).unwrap();
    let (status, said) = Server::fail_with(&database, &["--text-keys", others.path()]).await;
    assert!(status.code() == Some(5) && said.contains("is not among these keys"), "{said}");
    let server = Server::start_with(&database, &["--text-keys", keys.path()]).await;
    reads_as_before(&server, room).await;
    server.stop().await;
    assert_eq!(found_in(&database, &all).await, BTreeSet::new());

    // An export is not encrypted.
    let (status, said) = Server::command(database.url(), &["export", "--text-keys", keys.path()], &[]).await;
    assert!(status.success() && AFTER.iter().skip(1).all(|text| said.contains(text)), "{said}");

    let decrypting = ["--text-keys", keys.path(), "--decrypt-texts"];
    let server = Server::start_with(&database, &decrypting).await;
    server.wait_for_output("all texts are rewritten", 1).await;
    server.stop().await;
    let server = Server::start(&database).await;
    reads_as_before(&server, room).await;
    server.stop().await;
    assert_eq!(found_in(&database, &all).await.len(), all.len());
}

/// Encrypts all texts and decrypts them in turn, and each time kills the server at another point on the way.
async fn a_rewriting_that_is_killed_goes_on(database: Database) {
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    for words in [&BEFORE, &AFTER] {
        write(&server, room, words).await;
    }
    let longer = server.room("longer than a step").await;
    for _ in 0..=EVENTS_IN_A_STEP {
        server.say(longer, "alice", "x").await;
    }
    server.stop().await;
    let keys = KeyFile::new(&database).await;
    // There are three steps, and one that finds nothing more. Each has a point before it and one before its commit.
    for pass in 1..=8 {
        let decrypts = pass % 2 == 0;
        let at = format!("in_rewriting:{pass}");
        let decrypt = decrypts.to_string();
        let variables =
            [("CHATD_TEXT_KEYS", keys.path()), ("CHATD_DECRYPT_TEXTS", &decrypt), ("CHATD_FAIL_AT", at.as_str())];
        let (status, said) = Server::fail_armed(&database, &variables).await;
        assert_eq!(status.signal(), Some(6), "{at}: {said}");
        let server = Server::start_under(&database, variables[..2].iter().copied()).await;
        reads_as_before(&server, room).await;
        let left = "SELECT (SELECT COUNT(*) FROM chat_rooms WHERE sealed_seq IS NOT NULL) \
             + (SELECT COUNT(*) FROM chat_meta WHERE sealed = 2)";
        let ended = async { while database.number(left).await > 0 {} };
        timeout(DEADLINE, ended).await.unwrap_or_else(|_| panic!("{at}: it does not go on:\n{}", server.output()));
        reads_as_before(&server, room).await;
        server.stop().await;
        let all = [BEFORE, AFTER].concat();
        let in_plain = if decrypts { all.len() } else { 0 };
        assert_eq!(found_in(&database, &all).await.len(), in_plain, "{at}");
    }
}

/// How many events are rewritten at once.
const EVENTS_IN_A_STEP: usize = 128;

#[tokio::test]
async fn keys_are_made_for_nobody_else_and_never_in_place_of_others() {
    let database = Database::sqlite();
    let keys = KeyFile::new(&database).await;
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&keys.0).unwrap().permissions()) & 0o777, 0o600);
    let before = keys.read();
    let (status, said) = Server::command(database.url(), &["new-keys", keys.path()], &[]).await;
    assert!(status.code() == Some(2) && keys.read() == before, "{said}");
    for (arguments, says) in [
        (&["rotate-keys"][..], "rotate-keys needs --text-keys"),
        (&["rotate-keys", "--text-keys", keys.path(), "--decrypt-texts"], "without --decrypt-texts"),
        (&["export", "--text-keys", "/nowhere/keys"], "cannot read /nowhere/keys"),
    ] {
        let (status, said) = Server::command(database.url(), arguments, &[]).await;
        assert!(status.code() == Some(2) && said.contains(says), "{said}");
    }
    fs::write(&keys.0, "secret").unwrap();
    let (status, said) = Server::fail_with(&database, &["--text-keys", keys.path()]).await;
    assert!(
        status.code() == Some(2) && said.contains("line 1: it must begin with") && !said.contains("secret"),
        "{said}"
    );
}

/// A file of keys, which goes with its test.
struct KeyFile(PathBuf);

impl KeyFile {
    async fn new(database: &Database) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("keys-{}", uuid::Uuid::new_v4()));
        let file = Self(path);
        let (status, said) = Server::command(database.url(), &["new-keys", file.path()], &[]).await;
        assert!(status.success(), "{said}");
        file
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn read(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }

    /// The numbers of its keys for texts.
    fn texts(&self) -> Vec<String> {
        let file = self.read();
        let numbers = file.lines().filter_map(|line| line.strip_prefix("text ")?.split(' ').next());
        numbers.map(str::to_owned).collect()
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        // What is left over is in the way of nobody.
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes a message and edits it, answers it, and deletes another one.
async fn write(server: &Server, room: u64, [text, edited, meta, thread, reason]: &[&'static str; 5]) {
    let messages = format!("/rooms/{room}/messages");
    let send = async |key: &str, body: Value| {
        let key = [("idempotency-key", key)];
        let reply = server.call("POST", &format!("{messages}?username=alice"), &key, Some(body)).await;
        reply.json(201)["seq"].as_u64().unwrap()
    };
    let seq = send(&key_of(text), json!({"content": text, "meta": {"note": meta}})).await;
    server.patch(&format!("{messages}/{seq}?username=alice"), json!({"content": edited})).await.json(200);
    send(&key_of(thread), json!({"content": thread, "thread": seq})).await;
    let deleted = server.say(room, "alice", "x").await;
    let path = format!("{messages}/{deleted}?username=alice&reason={reason}");
    assert_eq!(server.delete(&path).await.status, 204);
}

/// A key that does not tell the text.
fn key_of(text: &str) -> String {
    format!("key-{}", text.chars().rev().collect::<String>())
}

/// What is stored to compare a retry of such a message with, where texts are not encrypted.
fn fingerprint([text, _, meta, ..]: &[&'static str; 5]) -> i64 {
    let mut body = Body::text(*text);
    body.meta = Some(json!({"note": meta}).to_string());
    Op::Message(body).fingerprint().0.cast_signed()
}

/// All that was written before is read, found, and compared with what is sent again.
async fn reads_as_before(server: &Server, room: u64) {
    let page = server.get(&format!("/rooms/{room}/messages?username=bob")).await.json(200);
    for (place, [text, edited, meta, thread, _]) in [BEFORE, AFTER].into_iter().enumerate() {
        let message = &page["messages"][place * 2];
        assert_eq!((&message["content"], &message["meta"]["note"]), (&json!(edited), &json!(meta)), "{page}");
        let search = format!("/search?q={edited}&username=bob");
        let found = async { while server.get(&search).await.json(200)["messages"][0]["content"] != *edited {} };
        timeout(DEADLINE, found).await.expect("it is never found");
        let again = format!("/rooms/{room}/messages?username=alice");
        let key = key_of(text);
        let key = [("idempotency-key", key.as_str())];
        let same = json!({"content": text, "meta": {"note": meta}});
        let seq = server.call("POST", &again, &key, Some(same)).await.json(200)["seq"].clone();
        assert_eq!(seq, message["seq"]);
        let other = server.call("POST", &again, &key, Some(json!({"content": thread}))).await;
        other.problem(409, "idempotency_mismatch");
    }
}
