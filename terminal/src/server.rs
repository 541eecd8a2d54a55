//! The server's address, its REST calls and its socket.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::error::Error;

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// How long anything may take. The server sends something on a socket at least every 20 s.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(45);

/// The address of a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// The value of `Host`.
    authority: String,
    /// The host and the port to connect to.
    address: String,
    /// The path where chat is mounted: empty, or without a slash at its end.
    prefix: String,
}

impl Server {
    /// Parses `http://HOST:PORT/PATH`; `http://`, the port and the path are optional.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let bad = |why: &str| Error::BadAddress(format!("cannot use the address {url}: {why}"));
        let uri = if url.contains("://") { url.parse::<Uri>() } else { format!("http://{url}").parse() };
        let uri = uri.map_err(|error| bad(&error.to_string()))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(bad("the terminal speaks http only; use the page in a browser")),
            _ => return Err(bad("it must begin with http://")),
        }
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        let authority = authority.ok_or_else(|| bad("it must name a host, without a user"))?;
        let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { authority: authority.to_string(), address, prefix })
    }

    /// Finds the room with this name, or creates it.
    pub(crate) async fn find_room(&self, name: &str, username: &str) -> Result<u64, Error> {
        let path = format!("/rooms?username={}", encoded(username));
        let (status, answer) = self.call("POST", &path, Some(json!({"name": name}))).await?;
        let room = if answer["code"] == "name_taken" { &answer["room"] } else { &answer };
        room["id"].as_u64().ok_or_else(|| refused(status, &answer))
    }

    /// Reads the newest messages.
    pub(crate) async fn history(&self, room: u64, username: &str) -> Result<Value, Error> {
        let path = format!("/rooms/{room}/messages?limit=20&username={}", encoded(username));
        let (status, page) = self.call("GET", &path, None).await?;
        if status == StatusCode::OK { Ok(page) } else { Err(refused(status, &page)) }
    }

    /// Opens the socket of one room; `more` is the rest of the query, with the position to resume from.
    pub(crate) async fn socket(&self, room: u64, username: &str, more: &str) -> Result<Socket, Error> {
        let Self { authority, prefix, .. } = self;
        let url = format!("ws://{authority}{prefix}/ws/chat/{room}?username={}{more}", encoded(username));
        let connect = async {
            let stream = self.connect().await?;
            let socket = client_async(url, stream).await;
            socket.map(|(socket, _)| socket).map_err(|error| self.unreachable(&error))
        };
        timeout(TIMEOUT, connect).await.map_err(|_| self.unreachable(&SILENT))?
    }

    async fn connect(&self) -> Result<TcpStream, Error> {
        let stream = TcpStream::connect(&self.address).await.map_err(|error| self.unreachable(&error))?;
        stream.set_nodelay(true).map_err(|error| self.unreachable(&error))?;
        Ok(stream)
    }

    /// Makes a REST call.
    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Result<(StatusCode, Value), Error> {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = Request::builder().method(method).uri(format!("{}/api/chat{path}", self.prefix));
        let request = request.header("host", &self.authority).header("content-type", "application/json");
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| self.unreachable(&error))?;
        let exchange = self.exchange(request);
        timeout(TIMEOUT, exchange).await.map_err(|_| self.unreachable(&SILENT))?
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Value), Error> {
        let stream = TokioIo::new(self.connect().await?);
        let handshake = hyper::client::conn::http1::handshake(stream).await;
        let (mut sender, connection) = handshake.map_err(|error| self.unreachable(&error))?;
        let connection = tokio::spawn(connection);
        let answer = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            Ok::<_, hyper::Error>((status, answer.into_body().collect().await?.to_bytes()))
        };
        let answer = answer.await;
        connection.abort();
        let (status, body) = answer.map_err(|error| self.unreachable(&error))?;
        // A body that is not JSON is not of a chat server. The status has to suffice.
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    fn unreachable(&self, why: &dyn std::fmt::Display) -> Error {
        Error::Unreachable(format!("cannot reach a chat server at {}: {why}", self.authority))
    }
}

const SILENT: &str = "no answer in time";

/// The error for an unexpected answer.
fn refused(status: StatusCode, answer: &Value) -> Error {
    match answer["detail"].as_str() {
        Some(detail) => Error::Refused(format!("the server refuses: {detail}")),
        None => Error::Unreachable(format!("this is not a chat server: it answers {status}")),
    }
}

/// A name, percent-encoded for a URL.
fn encoded(name: &str) -> String {
    name.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).into() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let server = |authority: &str, address: &str, prefix: &str| Server {
            authority: authority.into(),
            address: address.into(),
            prefix: prefix.into(),
        };
        let parse = |url| Server::parse(url).unwrap();
        assert_eq!(parse("http://127.0.0.1:8080"), server("127.0.0.1:8080", "127.0.0.1:8080", ""));
        assert_eq!(parse("localhost:8080/"), server("localhost:8080", "localhost:8080", ""));
        assert_eq!(parse("http://chat.example/community/"), server("chat.example", "chat.example:80", "/community"));
        assert_eq!(parse("http://[::1]:8080"), server("[::1]:8080", "[::1]:8080", ""));
    }

    #[test]
    fn an_address_that_is_none_is_told() {
        for url in ["", "https://chat.example", "ws://127.0.0.1:8080", "http://", "http://a@b", "not an address"] {
            let error = Server::parse(url).unwrap_err();
            assert!(matches!(&error, Error::BadAddress(told) if told.contains(url)), "{url}: {error}");
        }
    }

    #[test]
    fn a_name_in_a_url() {
        assert_eq!(encoded("Zoë & co"), "Zo%C3%AB%20%26%20co");
    }
}
