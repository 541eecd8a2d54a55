//! WebSockets, for one room and for many.

use std::collections::VecDeque;

use chat_core::Body;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

use super::client::{Change, Changed, Client, Entered, Entry, Heard, Marked, Stage, Stored, TOO_LONG, fields};
use crate::common::socket::Socket;

/// `/ws/chat/{room_id}`, or `/ws/chat` if `MANY`.
pub(crate) struct WebSocket<const MANY: bool> {
    socket: Socket,
    room: u64,
    /// What came before an answer that was waited for.
    before: VecDeque<Heard>,
    /// Whether the room was deleted. A socket for many rooms stays open then.
    is_over: bool,
}

impl<const MANY: bool> WebSocket<MANY> {
    /// The next frame, or the code of the close.
    async fn frame(&mut self) -> Result<Value, u16> {
        loop {
            match timeout(TOO_LONG, self.socket.0.next()).await.expect("a frame in time").expect("a frame").unwrap() {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if !is_notice(&frame) {
                        return Ok(frame);
                    }
                }
                Message::Close(Some(close)) => return Err(CloseCode::into(close.code)),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Sends a command with a reference, and reads up to its answer.
    async fn ask(&mut self, mut command: Value) -> Result<Value, String> {
        command["ref"] = json!("r");
        command["room"] = json!(self.room);
        self.socket.say(command).await;
        loop {
            let frame = self.frame().await.expect("an answer");
            if frame["ref"] != "r" {
                self.before.push_back(Heard::of_frame(&frame));
            } else if frame["type"] == "error" {
                return Err(frame["code"].as_str().unwrap().to_owned());
            } else {
                return Ok(frame);
            }
        }
    }
}

impl<const MANY: bool> Client for WebSocket<MANY> {
    async fn enter(stage: &Stage, name: &str, entry: Entry) -> Result<(Self, Entered), String> {
        let room = stage.room.0;
        let path = if MANY {
            format!("/ws/chat?username={name}")
        } else {
            let after = entry.after.as_ref().map(|(epoch, seq)| match epoch {
                Some(epoch) => format!("&after={seq}&epoch={epoch}"),
                None => format!("&after={seq}"),
            });
            format!("/ws/chat/{room}?username={name}&presence={}{}", entry.presence, after.unwrap_or_default())
        };
        let socket = stage.server.open(&path).await;
        let mut client = Self { socket, room, before: VecDeque::new(), is_over: false };
        let first = if MANY {
            assert_eq!(client.frame().await.map(|hello| hello["type"].clone()), Ok(json!("hello")));
            let mut attach = json!({"type": "attach", "presence": entry.presence});
            if let Some((epoch, seq)) = entry.after {
                attach["after"] = epoch.map_or(json!({"seq": seq}), |epoch| json!({"seq": seq, "epoch": epoch}));
            }
            client.ask(attach).await?
        } else {
            client.frame().await.map_err(|code| match code {
                4403 => "banned".to_owned(),
                4404 => "room_not_found".to_owned(),
                other => other.to_string(),
            })?
        };
        let (epoch, head) = (first["epoch"].as_str().unwrap().to_owned(), first["head"].as_u64().unwrap());
        let entered = if first["type"] == "resync" {
            Entered::Resync { epoch, head }
        } else {
            let mut missed: Vec<Heard> = Vec::new();
            let mut frame = first;
            loop {
                missed.extend(frame["events"].as_array().unwrap().iter().map(Heard::of_frame));
                if frame["more"] != true {
                    break;
                }
                frame = client.frame().await.expect("more events");
            }
            Entered::Attached { epoch, head, missed }
        };
        Ok((client, entered))
    }

    async fn send_body(&mut self, body: Body, key: Option<&str>) -> Result<Stored, String> {
        let mut message = fields(&body);
        message["type"] = json!("message");
        if let Some(key) = key {
            message["key"] = json!(key);
        }
        let ok = self.ask(message).await?;
        assert_eq!(ok["type"], "ok");
        Ok(Stored { seq: ok["seq"].as_u64().unwrap(), replayed: ok["replayed"] == true })
    }

    async fn change(&mut self, target: u64, change: Change, key: Option<&str>) -> Result<Changed, String> {
        let mut command = match change {
            Change::Edit(content) => json!({"type": "edit", "content": content}),
            Change::Delete => json!({"type": "delete"}),
            Change::React(reaction, added) => json!({"type": "react", "reaction": reaction, "added": added}),
            Change::Pin(pinned) => json!({"type": "pin", "pinned": pinned}),
        };
        command["target"] = json!(target);
        if let Some(key) = key {
            command["key"] = json!(key);
        }
        let ok = self.ask(command).await?;
        assert_eq!(ok["type"], "ok");
        Ok(Changed { replayed: ok["replayed"] == true, count: ok["count"].as_u64() })
    }

    async fn mark(&mut self, seq: u64) -> Result<Marked, String> {
        self.ask(json!({"type": "read", "seq": seq})).await.map(|ok| Marked::of_json(&ok))
    }

    async fn next(&mut self) -> Heard {
        if let Some(heard) = self.before.pop_front() {
            return heard;
        }
        if MANY && self.is_over {
            self.socket.say(json!({"type": "ping"})).await;
            assert_eq!(self.frame().await.unwrap(), json!({"type": "pong"}), "nothing follows the room's end");
            return Heard::End;
        }
        match self.frame().await {
            Ok(frame) => {
                let heard = Heard::of_frame(&frame);
                self.is_over = matches!(heard, Heard::Deleted { .. });
                heard
            }
            Err(code) => {
                assert!(matches!((code, self.is_over), (4410, true) | (4403, false)), "{code}");
                Heard::End
            }
        }
    }

    fn heard_before_answer(&self) -> Vec<Heard> {
        self.before.iter().cloned().collect()
    }

    async fn type_something(&mut self) {
        self.ask(json!({"type": "typing", "is_typing": true})).await.unwrap();
    }

    async fn detach(&mut self) {
        self.ask(json!({"type": "detach"})).await.unwrap();
    }

    async fn leave(mut self) {
        self.socket.0.close(None).await.unwrap();
    }

    async fn lose(self) {
        drop(self);
    }
}

/// Whether a frame is about the user, not about the room.
fn is_notice(frame: &Value) -> bool {
    matches!(frame["type"].as_str(), Some("mention" | "thread" | "missed" | "room_added" | "room_removed"))
}
