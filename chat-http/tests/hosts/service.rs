//! The chat as a `tower` service, in axum and in plain hyper, and as an endpoint of poem: over real sockets.

use std::net::{IpAddr, SocketAddr};

use axum::{Router, extract::ConnectInfo, routing::get};
use bytes::Bytes;
use chat_core::{ChatEngine, Limits};
use chat_http::{ChatService, Guests, Options, api, service, site};
use futures::FutureExt;
use http_body_util::{BodyExt, Full};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use poem::http::{Extensions, HeaderMap, header};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{MaybeTlsStream, client_async, connect_async, tungstenite::client::IntoClientRequest};

use crate::common::{
    engine, engine_with,
    http::{EventSource, request},
    socket::Socket,
};

/// Where something listens, and what serves it.
type Serving = (SocketAddr, JoinHandle<()>);

async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// An app of axum, with a page of its own, and the chat below a prefix.
async fn in_axum(prefix: &str, chat: ChatService) -> Serving {
    let (listener, address) = bind().await;
    let app = Router::new().route("/", get(async || "the app")).nest_service(prefix, chat);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    (address, tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }))
}

/// The chat alone, in hyper.
async fn in_hyper(chat: ChatService) -> Serving {
    let (listener, address) = bind().await;
    let serving = async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let chat = TowerToHyperService::new(chat.clone());
            tokio::spawn(async move {
                let http = auto::Builder::new(TokioExecutor::new());
                drop(http.serve_connection_with_upgrades(TokioIo::new(stream), chat).await);
            });
        }
    };
    (address, tokio::spawn(serving))
}

/// An app of poem, with the chat below a prefix.
async fn in_poem(prefix: &str, engine: ChatEngine) -> Serving {
    let (listener, address) = bind().await;
    let app = poem::Route::new().nest(prefix, api(engine, Guests));
    let acceptor = poem::listener::TcpAcceptor::from_tokio(listener).unwrap();
    (address, tokio::spawn(async move { poem::Server::new_with_acceptor(acceptor).run(app).await.unwrap() }))
}

async fn open(address: SocketAddr, path: &str) -> Socket {
    Socket(connect_async(format!("ws://{address}{path}")).await.unwrap().0)
}

/// The status of a handshake that is refused.
async fn refused(address: SocketAddr, path: &str, name: &'static str, value: &str) -> u16 {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    request.headers_mut().insert(name, value.parse().unwrap());
    let stream = MaybeTlsStream::Plain(TcpStream::connect(address).await.unwrap());
    match client_async(request, stream).await.unwrap_err() {
        tokio_tungstenite::tungstenite::Error::Http(response) => response.status().as_u16(),
        other => panic!("{other}"),
    }
}

/// Does below `prefix` what any client does: rooms, messages, a socket, an event stream, what is refused, and the end.
async fn it_is_all_there(address: SocketAddr, prefix: &str, engine: &ChatEngine) {
    let rooms = format!("{prefix}/api/chat/rooms");
    let (head, room) = request(address, "POST", &rooms, "", Some(&json!({"name": "general"}))).await;
    assert_eq!(head.status, 201, "{room}");
    let (head, problem) = request(address, "DELETE", &rooms, "", None).await;
    assert_eq!(
        (head.status, head.header("allow"), &problem["code"]),
        (405, Some("POST, GET, HEAD"), &json!("method_not_allowed"))
    );
    let (head, _) = request(address, "GET", &format!("{prefix}/api/chat/nothing"), "", None).await;
    assert_eq!((head.status, head.header("content-type")), (404, Some("application/problem+json")));
    let (head, _) = request(address, "HEAD", &rooms, "", None).await;
    assert!(head.status == 200 && head.header("content-length").is_some_and(|length| length != "0"));

    let socket_path = format!("{prefix}/ws/chat/{}?username=Ada", room["id"]);
    assert_eq!(refused(address, &socket_path, "origin", "http://evil.example").await, 403);
    assert_eq!(refused(address, &socket_path, "sec-websocket-version", "8").await, 426);
    let own = format!("http://{address}");
    let mut request_of_page = format!("ws://{address}{socket_path}").into_client_request().unwrap();
    request_of_page.headers_mut().insert("origin", own.parse().unwrap());
    let stream = MaybeTlsStream::Plain(TcpStream::connect(address).await.unwrap());
    let mut ada = Socket(client_async(request_of_page, stream).await.unwrap().0);
    assert_eq!(ada.next().await["type"], "attached");

    let events = format!("{rooms}/{}/events?username=Eve", room["id"]);
    let (head, mut stream) = EventSource::open(address, &events, "").await;
    assert_eq!(head.status, 200);
    assert_eq!(ada.next_of("join").await["username"], "Eve");
    let messages = format!("{rooms}/{}/messages?username=Bob", room["id"]);
    let (head, message) = request(address, "POST", &messages, "", Some(&json!({"content": "Hello!"}))).await;
    assert_eq!(head.status, 201, "{message}");
    assert_eq!(ada.next_of("message").await, message);
    assert_eq!(stream.next_of("message").await.data, message);
    ada.say(json!({"type": "message", "content": "Hello, Bob!", "ref": "r"})).await;
    assert_eq!(ada.next_of("ok").await["seq"], 2);
    let (head, problem) =
        request(address, "POST", &messages, "", Some(&json!({"content": "x".repeat(300 << 10)}))).await;
    assert_eq!((head.status, &problem["code"]), (413, &json!("too_large")));

    engine.shutdown().await;
    assert_eq!(ada.close_code().await, 1001);
    while stream.next().await.is_some() {}
}

#[tokio::test]
async fn it_is_all_there_in_axum_below_a_prefix() {
    let engine = engine().await;
    let chat = service(engine.clone(), Guests, Options::default());
    let (address, _serving) = in_axum("/apps/chat", chat.clone()).await;
    it_is_all_there(address, "/apps/chat", &engine).await;
    chat.ended().await;
}

#[tokio::test]
async fn it_is_all_there_in_plain_hyper() {
    let engine = engine().await;
    let (address, _serving) = in_hyper(service(engine.clone(), Guests, Options::default())).await;
    it_is_all_there(address, "", &engine).await;
}

#[tokio::test]
async fn it_is_all_there_in_poem_as_before() {
    let engine = engine().await;
    let (address, _serving) = in_poem("/apps/chat", engine.clone()).await;
    it_is_all_there(address, "/apps/chat", &engine).await;
}

/// The page asks for its files, and for the API, relative to where it is: with the slash, that is below the prefix.
#[tokio::test]
async fn a_site_mounts_in_axum_too() {
    let (address, _serving) = in_axum("/chat", site(engine().await, Guests).into_service()).await;
    let page = |path: &'static str| async move {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let request = hyper::Request::get(path).header(header::HOST, "localhost").body(Full::<Bytes>::default());
        let response = sender.send_request(request.unwrap()).await.unwrap();
        let status = response.status().as_u16();
        (status, String::from_utf8_lossy(&response.into_body().collect().await.unwrap().to_bytes()).into_owned())
    };
    for (path, has) in [
        ("/chat/", "src=\"app.js?v="),
        ("/chat/app.js", "function"),
        ("/chat/docs", "src=\"docs/swagger-ui.js\""),
        ("/chat/docs/swagger-ui.js", "function"),
        ("/chat/openapi.json", "/api/chat/rooms"),
        ("/chat/healthz", "ok"),
        ("/", "the app"),
    ] {
        let (status, text) = page(path).await;
        assert!(status == 200 && text.contains(has), "{path}: {status}");
    }
    let (head, _) = request(address, "GET", "/api/chat/rooms", "", None).await;
    assert_eq!(head.status, 404, "it is below the prefix alone");
}

/// An engine that lets two connections be open from each address.
async fn engine_for_two() -> ChatEngine {
    let mut limits = Limits::default();
    limits.addresses.connections = Some(2);
    engine_with(limits).await
}

fn peer(_: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
    Some(extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip())
}

#[tokio::test]
async fn an_address_has_its_limits_if_the_app_says_where_requests_come_from() {
    let chat = service(engine_for_two().await, Guests, Options::default().client_address(peer));
    let (address, _serving) = in_axum("/chat", chat).await;
    let sockets = [open(address, "/chat/ws/chat?username=A").await, open(address, "/chat/ws/chat?username=B").await];
    assert_eq!(open(address, "/chat/ws/chat?username=C").await.close_code().await, 1013);
    let (head, problem) = request(address, "GET", "/chat/api/chat/rooms", "", None).await;
    assert_eq!((head.status, &problem["code"]), (429, &json!("rate_limited")));
    drop(sockets);
    let mut status = 429;
    while status == 429 {
        status = request(address, "GET", "/chat/api/chat/rooms", "", None).await.0.status;
    }
    assert_eq!(status, 200, "a place is free when a socket has ended");
}

#[tokio::test]
async fn nothing_is_limited_by_address_if_the_app_does_not_say() {
    let (address, _serving) = in_axum("/chat", service(engine_for_two().await, Guests, Options::default())).await;
    let mut sockets = Vec::new();
    for name in ["A", "B", "C"] {
        sockets.push(open(address, &format!("/chat/ws/chat?username={name}")).await);
    }
    for socket in &mut sockets {
        assert_eq!(socket.next().await["type"], "hello");
    }
}

#[tokio::test]
async fn the_end_is_waited_for_until_the_last_socket_is_over() {
    let engine = engine().await;
    let chat = service(engine.clone(), Guests, Options::default());
    chat.ended().now_or_never().expect("nothing is open");
    let (address, _serving) = in_axum("/chat", chat.clone()).await;
    let mut socket = open(address, "/chat/ws/chat?username=Ada").await;
    assert_eq!(socket.next().await["type"], "hello");
    assert!(chat.ended().now_or_never().is_none(), "a socket is open");
    let ended = tokio::spawn(async move { chat.ended().await });
    engine.shutdown().await;
    assert_eq!(socket.close_code().await, 1001);
    drop(socket);
    ended.await.unwrap();
}

#[tokio::test]
async fn a_socket_needs_an_upgrade_that_the_server_left_there() {
    let mut chat = service(engine().await, Guests, Options::default());
    let request = hyper::Request::get("/ws/chat?username=Ada")
        .header("host", "localhost")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(Full::<Bytes>::default());
    let response = tower_service::Service::call(&mut chat, request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 400);
    let problem: Value = serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(problem["field"], "Upgrade");
}

/// Over HTTP/2 the target says which scheme and host were asked; over HTTP/1.1 it is http, unless the app says where it is.
#[tokio::test]
async fn a_page_is_its_own_by_what_the_request_or_the_app_says() {
    let at_home = Options::default().public_url("https://chat.example".parse().unwrap());
    for (options, target, origin, status) in [
        (Options::default(), "https://chat.example/api/chat/rooms", "https://chat.example", 201),
        (Options::default(), "https://chat.example/api/chat/rooms", "http://chat.example", 403),
        (Options::default(), "/api/chat/rooms", "http://chat.example", 201),
        (Options::default(), "/api/chat/rooms", "https://chat.example", 403),
        (at_home.clone(), "/api/chat/rooms", "https://chat.example", 201),
        (at_home, "/api/chat/rooms", "http://chat.example", 403),
    ] {
        let mut chat = service(engine().await, Guests, options);
        let request = hyper::Request::post(target)
            .header("host", "chat.example")
            .header("origin", origin)
            .header("content-type", "application/json")
            .body(Full::<Bytes>::from(r#"{"name": "general"}"#));
        let response = tower_service::Service::call(&mut chat, request.unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{target} from {origin}");
    }
}
