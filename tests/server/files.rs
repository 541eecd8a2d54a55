//! The files of a server on SQLite: other users cannot read them, foreign files are left alone, and deleted messages
//! are gone.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use crate::common::{Database, Server};

const UNUSABLE: i32 = 5;
const UNAVAILABLE: i32 = 4;

/// The files that SQLite and the server have beside the database.
const BESIDE: [&str; 4] = ["chat.db.lock", "chat.db-wal", "chat.db-shm", "chat.db-journal"];

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The server exits with this code and this text.
async fn refuses(database: &Database, code: i32, says: &str) {
    let (status, said) = Server::fail(database).await;
    assert_eq!(status.code(), Some(code), "{said}");
    assert!(said.contains(says), "it does not say {says:?}: {said}");
}

#[tokio::test]
async fn nobody_else_can_read_what_is_written() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    server.say(room, "Alice", "one").await;
    let names = ["chat.db", "chat.db-shm", "chat.db-wal", "chat.db.lock"];
    for name in names {
        assert_eq!(mode(&database.folder().join(name)), 0o600, "{name}");
    }
    assert_eq!(files(database.folder()).len(), names.len());
}

#[tokio::test]
async fn files_that_others_could_read_are_closed_to_them() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    server.say(room, "Alice", "one").await;
    server.kill().await;
    for path in files(database.folder()) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o664)).unwrap();
    }
    let server = Server::start(&database).await;
    assert_eq!(server.say(room, "Alice", "two").await, 2);
    for path in files(database.folder()) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert!(server.output().contains("others could open"), "{}", server.output());
}

#[tokio::test]
async fn what_is_not_ours_stays_as_it_is() {
    let content = vec![b'x'; 5_000_000];
    for name in BESIDE {
        let database = Database::sqlite();
        let (victim, place) = (database.folder().join("victim"), database.folder().join(name));
        fs::write(&place, &content).unwrap();
        refuses(&database, UNUSABLE, "holds something else").await;
        assert!(fs::read(&place).unwrap() == content, "{name} was touched");
        fs::rename(&place, &victim).unwrap();
        symlink(&victim, &place).unwrap();
        refuses(&database, UNUSABLE, "symbolic link").await;
        fs::remove_file(&place).unwrap();
        fs::hard_link(&victim, &place).unwrap();
        refuses(&database, UNUSABLE, name).await;
        assert!(fs::read(&victim).unwrap() == content, "{name}: what it leads to was touched");
        fs::remove_file(&place).unwrap();
        fs::remove_file(&victim).unwrap();
        symlink(&victim, &place).unwrap();
        refuses(&database, UNUSABLE, "symbolic link").await;
        assert!(!victim.exists(), "{name}: a file was made at the end of a link");
        fs::remove_file(&place).unwrap();
        Server::start(&database).await.stop().await;
    }
}

/// Opening these files must not wait for a process at the other end.
#[tokio::test]
async fn pipes_and_folders_in_the_place_of_a_file_are_refused() {
    for name in BESIDE.into_iter().chain(["chat.db"]) {
        let database = Database::sqlite();
        let place = database.folder().join(name);
        assert!(Command::new("mkfifo").arg(&place).status().unwrap().success());
        refuses(&database, UNUSABLE, "is not a file").await;
        fs::remove_file(&place).unwrap();
        fs::create_dir(&place).unwrap();
        refuses(&database, UNUSABLE, name).await;
        assert_eq!(files(&place).len(), 0);
    }
}

#[tokio::test]
async fn a_database_may_be_named_by_a_link_but_is_not_made_through_one() {
    let database = Database::sqlite();
    let link = database.folder().join("link.db");
    symlink("elsewhere.db", &link).unwrap();
    let linked = Database::at(format!("sqlite://{}?mode=rwc", link.display()));
    refuses(&linked, UNAVAILABLE, "link to a file that does not exist").await;
    assert!(!database.folder().join("elsewhere.db").exists());
    fs::remove_file(&link).unwrap();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    server.stop().await;
    symlink("chat.db", &link).unwrap();
    let server = Server::start(&linked).await;
    assert_eq!(server.say(room, "Alice", "one").await, 1);
    refuses(&database, 3, "in use").await;
}

/// SQLite would remove the log, and lose what was not moved into the database yet.
#[tokio::test]
async fn a_database_that_was_moved_away_without_its_log_is_not_made_anew() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let room = server.room("general").await;
    server.say(room, "Alice", "one").await;
    server.kill().await;
    let (file, moved) = (database.folder().join("chat.db"), database.folder().join("moved.db"));
    fs::rename(&file, &moved).unwrap();
    refuses(&database, UNUSABLE, "put the database back").await;
    fs::rename(&moved, &file).unwrap();
    let server = Server::start(&database).await;
    assert_eq!(server.say(room, "Alice", "two").await, 2);
}

#[tokio::test]
async fn the_file_of_another_application_is_taken_only_when_asked_for() {
    let database = Database::sqlite();
    database.execute(&["CREATE TABLE recipes (title TEXT)", "INSERT INTO recipes VALUES ('soup')"]).await;
    let file = database.folder().join("chat.db");
    let before = (fs::read(&file).unwrap(), mode(&file));
    refuses(&database, UNUSABLE, "tables of another application (recipes)").await;
    assert!((fs::read(&file).unwrap(), mode(&file)) == before, "touched");
    let shared = Database::at(format!("{}&other_tables=allow", database.url()));
    let server = Server::start(&shared).await;
    let room = server.room("general").await;
    assert_eq!(server.say(room, "Alice", "one").await, 1);
    assert_eq!(mode(&file), before.1, "its mode is the business of its owner");
    server.stop().await;
    // The file belongs to this server from now on.
    let server = Server::start(&database).await;
    assert_eq!(server.say(room, "Alice", "two").await, 2);
    server.stop().await;
    database.execute(&["INSERT INTO recipes VALUES ('bread')"]).await;
}

#[tokio::test]
async fn what_was_deleted_is_in_no_file_any_more() {
    let database = Database::sqlite();
    let server = Server::start_under(&database, [("RUST_LOG", "info,chat_core=debug")]).await;
    let (kept, ended) = (server.room("kept").await, server.room("ended-ENDED").await);
    let topic = serde_json::json!({"topic": "about-ENDED"});
    server.patch(&format!("/rooms/{ended}"), topic).await.json(200);
    // Long messages have pages of their own; the others share pages with those of the room that stays.
    for n in 0..60 {
        server.say(kept, "Alice", &format!("stays-{n}-{}", "x".repeat(n * 7))).await;
        server.say(ended, "Bob", &format!("said-ENDED-{n}-{}", "x".repeat(n * 60))).await;
    }
    let found = |word: &[u8]| {
        let contents = files(database.folder()).into_iter().map(|path| fs::read(path).unwrap());
        contents.map(|bytes| bytes.windows(word.len()).filter(|window| window == &word).count()).sum::<usize>()
    };
    assert!(found(b"said-ENDED") >= 60 && found(b"about-ENDED") > 0 && found(b"ended-ENDED") > 0);
    server.wait_for_output("nothing is left of deleted rooms", 1).await;
    assert_eq!(server.delete(&format!("/rooms/{ended}")).await.status, 204);
    server.wait_for_output("nothing is left of deleted rooms", 2).await;
    assert_eq!(found(b"ENDED"), 0);
    assert!(found(b"stays-") >= 60);
    assert_eq!(server.say(kept, "Alice", "on").await, 61);
}
