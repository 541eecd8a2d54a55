//! A small chat in the terminal, over the socket:
//! `cargo run --example terminal -- http://127.0.0.1:8080 general Alice` (a server, a room's name or number, a name).
//!
//! `chatd terminal` is the same. The client itself is the crate in `terminal/`: it shows what a client has to do to lose
//! nothing and say nothing twice.

use std::{env, error::Error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [server, room, username] = args.as_slice() else {
        return Err("usage: terminal http://127.0.0.1:8080 ROOM USERNAME".into());
    };
    Ok(chat_terminal::run(server, room, username).await?)
}
