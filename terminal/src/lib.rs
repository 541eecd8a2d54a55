//! A chat in the terminal: a complete client of the server, over REST and a socket.
//!
//! It shows how a client loses nothing and sends nothing twice. It keeps the number of the last event it has shown, and
//! resumes from there. It sends messages that were not acknowledged again, with the same key.
//!
//! The decisions are in `chat.rs`, without IO; this file carries them out.

mod chat;
mod error;
mod line;
mod plain;
mod server;

use std::{
    collections::VecDeque,
    io::{self, BufRead, Write},
    thread,
    time::Duration,
};

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};
use uuid::Uuid;

use chat::{Chat, Effect};
pub use error::Error;
use line::{HELP, Line};
use plain::plain;
use server::{Server, Socket, TIMEOUT};

/// Chats on standard input and output until the input ends or `/quit` is typed, and everything typed is stored.
///
/// `server` is an address such as `http://127.0.0.1:8080`, with a path if chat is mounted below one. `room` is a room's
/// number or its name; if no room has the name, it is created. When the connection is lost, it reconnects.
///
/// # Errors
///
/// [`Error::BadAddress`] for an address that is not `http://…`; [`Error::Unreachable`] if the server does not answer when
/// the chat begins; [`Error::Refused`] if it says to stay away, then or later.
///
/// # Cancel safety
///
/// Dropping the future closes the connection. What was typed and not yet stored is lost.
pub async fn run(server: &str, room: &str, username: &str) -> Result<(), Error> {
    chat(server, room, username).await.map_err(Error::plain)
}

async fn chat(server: &str, room: &str, username: &str) -> Result<(), Error> {
    let mut terminal = Terminal::open(Server::parse(server)?, room, username.trim()).await?;
    let mut lines = lines();
    let mut failures = 0;
    loop {
        let end = match terminal.connect().await {
            Ok(socket) => terminal.run(socket, &mut lines).await,
            Err(error) => End::Lost(error.to_string()),
        };
        match end {
            End::Quit => return Ok(()),
            End::Refused(why) => return Err(Error::Refused(why)),
            End::Lost(why) => {
                // After a connection that had attached, waits are short again.
                failures = if terminal.chat.was_attached() { 0 } else { failures + 1 };
                let wait = back_off(failures);
                terminal.chat.lost();
                if !show(&format!("* {why}; trying again in {:.1} s", wait.as_secs_f64())) {
                    return Ok(());
                }
                if terminal.wait(wait, &mut lines).await {
                    return Ok(());
                }
            }
        }
    }
}

/// Why a connection has ended.
enum End {
    /// The user left, or standard output is closed.
    Quit,
    /// The server says to stay away.
    Refused(String),
    /// Reconnect.
    Lost(String),
}

type Lines = mpsc::Receiver<String>;

/// A chat with its server, standard input and standard output.
struct Terminal {
    server: Server,
    username: String,
    room: u64,
    chat: Chat,
    /// Whether the input has ended. Then the client quits when everything is stored.
    leaving: bool,
    /// When to send again what the server did not accept.
    retry_at: Option<Instant>,
}

impl Terminal {
    /// Finds or creates the room, and shows the latest messages.
    async fn open(server: Server, room: &str, username: &str) -> Result<Self, Error> {
        let id = match room.parse() {
            Ok(id) => id,
            Err(_) => server.find_room(room, username).await?,
        };
        let chat = Chat::new(username);
        let mut terminal =
            Self { server, username: username.to_owned(), room: id, chat, leaving: false, retry_at: None };
        show(HELP);
        let page = terminal.server.history(id, username).await?;
        for line in terminal.chat.begin(&page) {
            show(&line);
        }
        Ok(terminal)
    }

    async fn connect(&self) -> Result<Socket, Error> {
        let (epoch, seq) = self.chat.position();
        self.server.socket(self.room, &self.username, &format!("&after={seq}&epoch={epoch}")).await
    }

    /// Chats until the connection has ended.
    async fn run(&mut self, mut socket: Socket, lines: &mut Lines) -> End {
        loop {
            if self.leaving && self.chat.has_sent_all() {
                // A close frame, which need not arrive.
                let _ = timeout(TIMEOUT, socket.close(None)).await;
                return End::Quit;
            }
            let mut effects = Vec::new();
            tokio::select! {
                // The server sends something at least every 20 s.
                came = timeout(TIMEOUT, socket.next()) => match came {
                    Ok(Some(Ok(Message::Text(frame)))) => match serde_json::from_str(&frame) {
                        Ok(frame) => self.chat.hear(&frame, &mut effects),
                        Err(_) => return End::Lost("the server sent a frame that is not JSON".into()),
                    },
                    Ok(Some(Ok(Message::Close(frame)))) => return closed(frame),
                    Ok(Some(Ok(_))) => {}
                    Ok(Some(Err(error))) => return End::Lost(error.to_string()),
                    Ok(None) => return closed(None),
                    Err(_) => return End::Lost("the server is silent".into()),
                },
                line = lines.recv(), if !self.leaving => self.typed(line.as_deref(), &mut effects),
                () = at(self.retry_at), if self.retry_at.is_some() => {
                    self.retry_at = None;
                    self.chat.send_all(&mut effects);
                }
            }
            if let Err(end) = self.carry_out(effects, &mut socket).await {
                return end;
            }
        }
    }

    async fn carry_out(&mut self, effects: Vec<Effect>, socket: &mut Socket) -> Result<(), End> {
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Show(line) if show(&line) => {}
                Effect::Show(_) => return Err(End::Quit),
                Effect::Send(frame) => send(socket, &frame).await?,
                Effect::Pause(time) => self.retry_at = Some(Instant::now() + time),
                Effect::ReadHistory => {
                    let page = self.server.history(self.room, &self.username).await;
                    let page = page.map_err(|error| End::Lost(error.to_string()))?;
                    effects.extend(self.chat.resynced(&page));
                }
            }
        }
        Ok(())
    }

    /// Waits without a connection, and keeps what is typed meanwhile. `true`: the user left.
    async fn wait(&mut self, time: Duration, lines: &mut Lines) -> bool {
        let until = Instant::now() + time;
        self.retry_at = None;
        loop {
            if self.leaving && self.chat.has_sent_all() {
                return true;
            }
            let mut effects = Vec::new();
            tokio::select! {
                () = sleep_until(until) => return false,
                line = lines.recv(), if !self.leaving => self.typed(line.as_deref(), &mut effects),
            }
            for effect in effects {
                if let Effect::Show(line) = effect {
                    show(&line);
                }
            }
        }
    }

    /// Handles a line of the user; `None` after the end of the input.
    fn typed(&mut self, line: Option<&str>, effects: &mut Vec<Effect>) {
        match line.map_or(Line::Quit, Line::parse) {
            Line::Nothing => {}
            Line::Quit => self.leaving = true,
            Line::Help => effects.push(Effect::Show(HELP.to_owned())),
            Line::Who => effects.push(Effect::Show(self.chat.who())),
            Line::Typing => self.chat.show_typing(effects),
            // Keys that grow with time are the cheapest for the server's index.
            Line::Text(text) => self.chat.say(Uuid::now_v7().simple().to_string(), text, effects),
            Line::Unknown(explained) => effects.push(Effect::Show(explained)),
        }
    }
}

async fn send(socket: &mut Socket, frame: &Value) -> Result<(), End> {
    match timeout(TIMEOUT, socket.send(Message::text(frame.to_string()))).await {
        Ok(sent) => sent.map_err(|error| End::Lost(error.to_string())),
        Err(_) => Err(End::Lost("the server does not read what it is sent".into())),
    }
}

/// Shows one line. `false`: standard output is closed.
fn show(line: &str) -> bool {
    // Every line is made safe here, whoever wrote it.
    writeln!(io::stdout(), "{}", plain(line)).is_ok()
}

/// How a close code is treated: after 44xx and violations of the protocol the client stays away, after others it comes
/// back.
fn closed(frame: Option<CloseFrame>) -> End {
    let Some(frame) = frame else { return End::Lost("the connection is lost".into()) };
    let code = u16::from(frame.code);
    let reason = if frame.reason.is_empty() { String::new() } else { format!(": {}", frame.reason) };
    let told = format!("the server closed with {code}{reason}");
    match code {
        1002 | 1003 | 1007..=1009 | 4400..=4499 => End::Refused(told),
        _ => End::Lost(told),
    }
}

/// A random wait: below 0.5 s after the first failure in a row, then below 1 s, 2 s … and at most 30 s. So the clients
/// of a restarted server do not come back all at once.
fn back_off(failures: u32) -> Duration {
    let most = Duration::from_millis(500 << failures.saturating_sub(1).min(6)).min(Duration::from_secs(30));
    // The last bytes of a random UUID are random.
    let [.., high, low] = Uuid::new_v4().into_bytes();
    most.mul_f64(f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX))
}

async fn at(time: Option<Instant>) {
    if let Some(time) = time {
        sleep_until(time).await;
    }
}

/// The lines of standard input, decoded leniently. They are read in a thread of their own, since a read cannot be
/// interrupted.
fn lines() -> Lines {
    let (sender, lines) = mpsc::channel(1);
    thread::spawn(move || {
        for line in io::stdin().lock().split(b'\n').map_while(io::Result::ok) {
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).into_owned();
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

    use super::*;

    #[test]
    fn a_close_code_says_whether_to_come_back() {
        let ends = |code: u16| closed(Some(CloseFrame { code: CloseCode::from(code), reason: "why".into() }));
        for code in [1001, 1011, 1012, 1013, 4508, 4529, 4560, 4562, 4599, 3000] {
            assert!(matches!(ends(code), End::Lost(_)), "{code}");
        }
        for code in [1002, 1003, 1007, 1008, 1009, 4400, 4404, 4410, 4499] {
            assert!(matches!(ends(code), End::Refused(why) if why.ends_with(": why")), "{code}");
        }
        assert!(matches!(closed(None), End::Lost(_)));
    }

    #[test]
    fn waits_grow_and_end_at_half_a_minute() {
        for failures in 0..100 {
            let most = [0.5, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0].get(failures as usize).copied().unwrap_or(30.0);
            assert!(back_off(failures).as_secs_f64() <= most, "{failures}");
        }
        assert!((0..100).any(|_| back_off(50) > Duration::from_secs(15)));
    }
}
