//! Server-sent events for receiving, REST for sending.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::{
    client::{Client, Entered, Entry, Heard, Stage, Stored},
    common::http::{EventSource, request},
};

pub(crate) struct ServerSent {
    events: EventSource,
    addr: SocketAddr,
    /// The path to send to.
    messages: String,
}

impl Client for ServerSent {
    async fn enter(stage: &Stage, name: &str, entry: Entry) -> Result<(Self, Entered), String> {
        let (addr, room) = (stage.server.addr, stage.room);
        let path = format!("/api/chat/rooms/{room}/events?username={name}&presence={}", entry.presence);
        let (path, header) = match entry.after {
            None => (path, String::new()),
            Some((None, seq)) => (format!("{path}&after={seq}"), String::new()),
            Some((Some(epoch), seq)) => (path, format!("Last-Event-ID: {epoch}:{seq}\r\n")),
        };
        let (head, mut events) = EventSource::open(addr, &path, &header).await;
        if head.status != 200 {
            // The request is made again, now for the body of the refusal.
            let (again, problem) = request(addr, "GET", &path, &header, None).await;
            assert_eq!(head.status, again.status);
            return Err(problem["code"].as_str().unwrap().to_owned());
        }
        let first = events.next().await.expect("a beginning");
        let (epoch, head) = (first.data["epoch"].as_str().unwrap().to_owned(), first.data["head"].as_u64().unwrap());
        let entered = if first.data["type"] == "resync" {
            Entered::Resync { epoch, head }
        } else {
            let stands: u64 = first.id.unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
            let mut missed = Vec::new();
            for seq in stands + 1..=head {
                let event = events.next().await.expect("what was missed");
                assert_eq!(event.id, Some(format!("{epoch}:{seq}")));
                missed.push(Heard::of_frame(&event.data));
            }
            Entered::Attached { epoch, head, missed }
        };
        let messages = format!("/api/chat/rooms/{room}/messages?username={name}");
        Ok((Self { events, addr, messages }, entered))
    }

    async fn send(&mut self, content: &str, key: Option<&str>) -> Result<Stored, String> {
        let header = key.map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
        let body = json!({"content": content});
        let (head, body) = request(self.addr, "POST", &self.messages, &header, Some(&body)).await;
        if head.status >= 400 {
            return Err(body["code"].as_str().unwrap().to_owned());
        }
        let replayed = head.status == 200;
        assert_eq!(head.header("idempotency-replayed"), replayed.then_some("true"));
        Ok(Stored { seq: body["seq"].as_u64().unwrap(), replayed })
    }

    async fn next(&mut self) -> Heard {
        let Some(event) = self.events.next().await else { return Heard::End };
        let heard = Heard::of_frame(&event.data);
        assert_eq!(event.id.is_some(), heard.is_event(), "events have ids, signals have none: {event:?}");
        assert_ne!(event.data, Value::Null);
        heard
    }

    async fn lose(self) {
        drop(self);
    }
}
