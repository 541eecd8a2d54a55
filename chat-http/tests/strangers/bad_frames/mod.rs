//! Bad input over sockets: a handshake that is none is refused, a frame that is none closes, and a command that is none is
//! answered. The names of the tests begin with the rows of the table of bad input in `docs/security.md`.

mod commands;
mod floods;
mod framing;
mod handshake;
mod rooms;

use serde_json::{Value, json};

use crate::common::{
    engine,
    socket::{Server, Socket},
};

async fn server() -> Server {
    Server::start(engine().await).await
}

/// Asks with a reference, and returns the answer.
async fn ask(socket: &mut Socket, mut command: Value) -> Value {
    command["ref"] = json!("asked");
    socket.say(command).await;
    loop {
        let frame = socket.next().await;
        if frame["ref"] == "asked" {
            return frame;
        }
    }
}

/// Fails unless each frame is refused with its code and for its field. No more than four are sent over one socket: the fifth
/// malformed one closes it.
async fn assert_refused(server: &Server, path: &str, rows: &[(Value, &str, &str)]) {
    for rows in rows.chunks(4) {
        let mut socket = server.open(path).await;
        for (frame, code, field) in rows {
            let error = ask(&mut socket, frame.clone()).await;
            assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!(code)), "{frame:.200}: {error}");
            assert_eq!(error["field"].as_str().unwrap_or(""), *field, "{frame:.200}: {error}");
        }
        assert_eq!(ask(&mut socket, json!({"type": "ping"})).await["type"], "pong", "it goes on");
    }
}
