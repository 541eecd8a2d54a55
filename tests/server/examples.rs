//! The examples do what they promise.

use std::{
    fmt,
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Stdio},
};

use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{TcpStream, tcp},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::common::{DEADLINE, Database, Server, Socket, call};

/// A running example, with its output line by line.
struct Example {
    process: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
}

impl Example {
    fn start(name: &str, args: &[&str]) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_chatd")).with_file_name("examples").join(name);
        assert!(program.exists(), "{} is not built: cargo build --examples", program.display());
        Self::start_program(&program, args)
    }

    /// Runs the server's program with another command.
    fn start_chatd(args: &[&str]) -> Self {
        Self::start_program(Path::new(env!("CARGO_BIN_EXE_chatd")), args)
    }

    fn start_program(program: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, input, output, seen: Vec::new() }
    }

    async fn type_line(&mut self, line: &str) {
        self.input.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// Reads until a line contains this.
    async fn expect(&mut self, part: &str) -> String {
        loop {
            let line = timeout(DEADLINE, self.output.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("no {part:?} so far:\n{self}")).unwrap();
            let line = line.unwrap_or_else(|| panic!("it ended without {part:?}:\n{self}"));
            self.seen.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Ends its input, reads until it has ended, and returns its status.
    async fn finish(&mut self) -> ExitStatus {
        drop(self.input.take());
        while let Some(line) = timeout(DEADLINE, self.output.next_line()).await.expect("it runs on").unwrap() {
            self.seen.push(line);
        }
        timeout(DEADLINE, self.process.wait()).await.expect("it runs on").unwrap()
    }

    /// The lines that contain this.
    fn lines_with(&self, part: &str) -> Vec<&str> {
        self.seen.iter().filter(|line| line.contains(part)).map(String::as_str).collect()
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seen.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

#[tokio::test]
async fn embed() {
    let mut example = Example::start("embed", &[]);
    example.expect("stored as number 1").await;
    example.expect("Bob hears").await;
    assert!(example.finish().await.success());
}

/// The bot reacts to a question, answers it in its thread, and counts the votes of a poll.
#[tokio::test]
async fn thread_bot() {
    let mut example = Example::start("thread_bot", &[]);
    example.type_line("Lunch?").await;
    example.expect("1 Alice says: Lunch?").await;
    example.expect("2 helper reacts to 1: 👀 (1)").await;
    example.expect("3 helper says in the thread of 1: “Lunch?” is a good question.").await;
    example.expect("4 helper takes back from 1: 👀").await;
    example.expect("5 helper reacts to 1: ✅ (1)").await;
    example.type_line("/poll What? pizza, soup").await;
    example.expect("7 helper says: What?").await;
    let poll = example.expect("soup").await;
    assert!(poll.ends_with(r#"{"poll":{"options":{"1️⃣":"pizza","2️⃣":"soup"},"question":"What?"}}"#), "{poll}");
    example.type_line("/vote 7 2️⃣").await;
    example.expect("8 Alice reacts to 7: 2️⃣ (1)").await;
    example.type_line("/close 7").await;
    let card = example.expect("10 helper says in the thread of 7: The poll is closed.").await;
    let fields = r#""fields":[{"name":"pizza","value":"0"},{"name":"soup","value":"1"}]"#;
    assert!(card.contains(fields), "{card}");
    assert!(example.finish().await.success());
}

/// A client of the line transport.
struct Peer {
    lines: Lines<BufReader<tcp::OwnedReadHalf>>,
    writer: tcp::OwnedWriteHalf,
}

impl Peer {
    async fn connect(address: SocketAddr, hello: &str) -> Self {
        let (reader, writer) = TcpStream::connect(address).await.unwrap().into_split();
        let mut peer = Self { lines: BufReader::new(reader).lines(), writer };
        peer.say(hello).await;
        peer
    }

    async fn say(&mut self, line: &str) {
        self.writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn next(&mut self) -> String {
        timeout(DEADLINE, self.lines.next_line()).await.expect("nothing comes").unwrap().expect("it ended")
    }
}

#[tokio::test]
async fn line_transport() {
    let mut example = Example::start("line_transport", &["127.0.0.1:0"]);
    let listening = example.expect("listening on").await;
    let address: SocketAddr = listening.rsplit_once(' ').unwrap().1.parse().unwrap();
    let mut alice = Peer::connect(address, "Alice").await;
    alice.say("hello?").await;
    assert_eq!(alice.next().await, "1 Alice: hello?");
    let mut bob = Peer::connect(address, "Bob 0").await;
    assert_eq!(bob.next().await, "1 Alice: hello?", "what was missed");
    assert_eq!(alice.next().await, "* Bob joined");
    bob.say("hello!").await;
    assert_eq!(bob.next().await, "2 Bob: hello!");
    assert_eq!(alice.next().await, "2 Bob: hello!");
    alice.say(" ").await;
    assert_eq!(alice.next().await, "! the message is empty");
    drop(bob);
    assert_eq!(alice.next().await, "* Bob left");
}

/// The app's own login identifies users, and chat is stored in the app's own database.
#[tokio::test]
async fn host_app() {
    let source = include_str!("../../examples/host_app.rs");
    let chat = source.split("\n// ---- ").nth(1).unwrap();
    assert!(chat.lines().count() <= 30, "it takes a few lines, not {}", chat.lines().count());
    let database = Database::sqlite();
    let mut example = Example::start("host_app", &["127.0.0.1:0", database.url()]);
    let listening = example.expect("listening on").await;
    let address: SocketAddr = listening.rsplit_once(' ').unwrap().1.parse().unwrap();
    let log_in = async |name: &str| {
        let reply = call(address, "POST", &format!("/login/{name}"), &[], None).await;
        reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    };
    let (ada, bob) = (log_in("Ada").await, log_in("Bob").await);
    assert_eq!(call(address, "GET", "/", &[("cookie", &ada)], None).await.body, "Hello, Ada!");

    let rooms = "/chat/api/chat/rooms";
    let general = || Some(json!({"name": "general"}).to_string());
    call(address, "POST", rooms, &[], general()).await.problem(401, "unauthenticated");
    call(address, "GET", rooms, &[("cookie", "login=forged")], None).await.problem(401, "unauthenticated");
    let room = call(address, "POST", rooms, &[("cookie", &ada)], general()).await.json(201)["id"].clone();

    let mut socket = Socket::try_connect(address, &format!("/chat/ws/chat/{room}"), &[("cookie", &bob)]).await.unwrap();
    assert_eq!(socket.expect_type("user_list").await["identities"], json!([{"user": "2", "username": "Bob"}]));
    let hello = Some(json!({"content": "Hello, Bob!"}).to_string());
    let messages = format!("{rooms}/{room}/messages?username=Mallory");
    let sent = call(address, "POST", &messages, &[("cookie", &ada)], hello).await.json(201);
    assert_eq!((&sent["username"], &sent["user"]), (&json!("Ada"), &json!("1")), "the login says who, nothing else");
    assert_eq!(socket.expect_type("message").await, sent);

    let connection = sea_orm::Database::connect(database.url()).await.unwrap();
    for table in ["accounts", "chat_events"] {
        let count = format!("SELECT * FROM {table}");
        let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), count)).await;
        assert!(!rows.unwrap().is_empty(), "{table}");
    }
}

/// The app's login says who, its projects say who is in which room, and whoever is put out hears nothing more at once.
#[tokio::test]
async fn axum_app() {
    let source = include_str!("../../examples/axum_app.rs");
    let chat = source.split("\n// ---- ").nth(1).unwrap();
    let is_of_chat = |line: &&str| line.contains("/chat") || (line.contains(".await") && line.contains("engine."));
    let calls = source.rsplit("\n// ---- ").next().unwrap().lines().filter(is_of_chat).count();
    let lines = chat.lines().count();
    assert!(lines + calls <= 40, "it takes a few lines, not {lines} and {calls} within the app");
    let mut example = Example::start("axum_app", &["127.0.0.1:0"]);
    let listening = example.expect("listening on").await;
    let address: SocketAddr = listening.rsplit_once(' ').unwrap().1.parse().unwrap();
    let ask =
        async |method: &str, path: &str, cookie: &str| call(address, method, path, &[("cookie", cookie)], None).await;
    let log_in = async |name: &str| {
        let reply = ask("POST", &format!("/login/{name}"), "").await;
        reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    };
    let (ada, bob, eve) = (log_in("Ada").await, log_in("Bob").await, log_in("Eve").await);
    assert_eq!(ask("GET", "/", &ada).await.body, "Hello, Ada!");
    assert_eq!(ask("POST", "/projects/apollo", "login=forged").await.status, 401);
    let room = ask("POST", "/projects/apollo", &ada).await.json(200);
    let bob_in_team = format!("/projects/{room}/team/Bob");
    assert_eq!(ask("PUT", &bob_in_team, &eve).await.status, 404);
    assert_eq!(ask("PUT", &bob_in_team, &ada).await.status, 204);

    let rooms = "/chat/api/chat/rooms";
    ask("GET", rooms, "login=forged").await.problem(401, "unauthenticated");
    let own = Some(json!({"name": "of our own"}).to_string());
    call(address, "POST", rooms, &[("cookie", &ada)], own).await.problem(403, "forbidden");
    let seen_by = async |who: &str| ask("GET", rooms, who).await.json(200)["rooms"].as_array().unwrap().len();
    assert_eq!([seen_by(&ada).await, seen_by(&bob).await, seen_by(&eve).await], [1, 1, 0]);
    let messages = format!("{rooms}/{room}/messages");
    ask("GET", &messages, &eve).await.problem(404, "room_not_found");
    let path = format!("/chat/ws/chat/{room}");
    let enter = async |who: &str| Socket::try_connect(address, &path, &[("cookie", who)]).await.unwrap();
    assert_eq!(enter(&eve).await.expect_close().await, Some(4404));
    let (mut of_ada, mut of_bob) = (enter(&ada).await, enter(&bob).await);
    of_bob.expect_type("user_list").await;
    assert_eq!(of_ada.say("Hello, Bob!").await, 1);
    assert_eq!(of_bob.expect_type("message").await["content"], "Hello, Bob!");

    assert_eq!(ask("DELETE", &bob_in_team, &ada).await.status, 204);
    of_ada.say("Bob is gone.").await;
    assert_eq!(of_bob.expect_close().await, Some(4403));
    assert!(!of_bob.to_string().contains("gone"), "{of_bob}");
    assert_eq!(enter(&bob).await.expect_close().await, Some(4404));
    ask("GET", &messages, &bob).await.problem(404, "room_not_found");

    let pid = example.process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    assert_eq!(of_ada.expect_close().await, Some(1001), "the page comes back when the app does");
    drop(of_ada);
    assert!(example.finish().await.success());
}

/// Two people chat in two terminals, and the server is killed and restarted: nothing is lost or doubled. `chatd
/// terminal` and the example are the same client.
#[tokio::test]
async fn terminal() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let address = server.address();
    let url = format!("http://{address}");
    let mut alice = Example::start("terminal", &[&url, "general", "Alice"]);
    alice.type_line("first").await;
    alice.expect("Alice: first").await;
    let mut bob = Example::start_chatd(&["terminal", &url, "general", "Bob"]);
    bob.expect("Alice: first").await;
    alice.expect("* Bob joined").await;
    bob.type_line("/typing").await;
    alice.expect("* typing: Bob").await;
    bob.type_line("second").await;
    alice.expect("Bob: second").await;
    bob.type_line("/who").await;
    bob.expect("* here: Alice, Bob").await;

    server.kill().await;
    alice.expect("trying again").await;
    bob.expect("trying again").await;
    for number in 1..=5 {
        alice.type_line(&format!("while away {number}")).await;
        bob.type_line(&format!("so was I {number}")).await;
    }
    let _server = Server::start_at(&database, address).await;
    for example in [&mut alice, &mut bob] {
        // The last lines of both, in any order.
        for number in 1..=5 {
            while example.lines_with(&format!("Alice: while away {number}")).is_empty()
                || example.lines_with(&format!("Bob: so was I {number}")).is_empty()
            {
                example.expect(": ").await;
            }
        }
    }
    alice.type_line("last").await;
    bob.expect("Alice: last").await;
    alice.expect("Alice: last").await;
    assert!(alice.finish().await.success());
    bob.expect("* Alice left").await;
    assert!(bob.finish().await.success());

    let said = |example: &Example| {
        let lines = example.seen.iter().filter(|line| line.contains(" Alice: ") || line.contains(" Bob: "));
        lines.map(|line| line[6..].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(said(&alice), said(&bob), "both saw the same");
    assert_eq!(said(&alice).len(), 13, "nothing lost, nothing twice: {:?}", said(&alice));
}

/// Texts of others do not control the terminal, and a mistyped command is not sent.
#[tokio::test]
async fn a_terminal_shows_plain_text_and_sends_no_slip_of_the_finger() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let address = server.address();
    let room = server.room("general").await;
    let say = async |content: &str| {
        let body = Some(json!({"content": content}).to_string());
        call(address, "POST", &format!("/api/chat/rooms/{room}/messages?username=Eve"), &[], body).await.json(201)
    };
    say("history \u{202e}\n12:00 Bob: I owe Eve 100").await;
    let mut alice = Example::start_chatd(&["terminal", &format!("http://{address}/"), &room.to_string(), "Alice"]);
    alice.expect(r"Eve: history \u{202e}⏎12:00 Bob: I owe Eve 100").await;
    say("live \u{200b}\u{2028}").await;
    alice.expect(r"Eve: live \u{200b}\u{2028}").await;
    alice.type_line("/who").await;
    alice.expect("* here: Alice").await;

    alice.type_line("/pasword is hunter2").await;
    alice.expect("! there is no command /pasword is hunter2").await;
    alice.type_line("//usr is full").await;
    alice.expect("Alice: /usr is full").await;
    assert!(alice.finish().await.success());
    let page = server.get(&format!("/rooms/{room}/messages")).await.json(200);
    let texts: Vec<&str> =
        page["messages"].as_array().unwrap().iter().map(|m| m["content"].as_str().unwrap()).collect();
    assert_eq!(texts.last(), Some(&"/usr is full"));
    assert!(!texts.iter().any(|text| text.contains("hunter2")), "{texts:?}");
}

#[tokio::test]
async fn a_terminal_says_why_it_cannot_chat() {
    let database = Database::sqlite();
    let server = Server::start(&database).await;
    let url = format!("http://{}", server.address());
    let output = async |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_chatd")).arg("terminal").args(args).stdin(Stdio::null()).output();
        let output = timeout(DEADLINE, output).await.expect("it runs on").unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(output(&[&url, "99", "Alice"]).await, (1, "error: the server refuses: no such room\n".into()));
    let (code, told) = output(&["http://127.0.0.1:1", "general", "Alice"]).await;
    assert!(code == 1 && told.starts_with("error: cannot reach a chat server at 127.0.0.1:1: "), "{told}");
    let (code, told) = output(&["https://chat.example", "general", "Alice"]).await;
    assert!(code == 2 && told.contains("speaks http only"), "{told}");
}
