//! Webhooks, posted to a server of this process.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chat_core::{Actor, ChatEngine, Consumer, Draft, Identity, NewRoom, NotConsumed, TailEntry};
use chat_http::webhook::{Reach, Webhook, WebhookSecret};
use futures::stream;
use hmac::{Hmac, KeyInit, Mac};
use poem::{
    Body, Endpoint, IntoResponse, Request, Response,
    endpoint::make,
    http::{HeaderMap, StatusCode},
    listener::{Acceptor, Listener, TcpListener},
};
use serde_json::{Value, json};
use sha2::Sha256;

const KEY: [u8; 32] = [7; 32];

fn secret() -> WebhookSecret {
    WebhookSecret::new(&format!("whsec_{}", STANDARD.encode(KEY))).unwrap()
}

/// Serves on a port of this machine.
async fn serve(endpoint: impl Endpoint + 'static) -> SocketAddr {
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
    let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
    tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(endpoint));
    address
}

fn webhook(address: SocketAddr) -> Webhook {
    Webhook::new(&format!("http://{address}/hook?token=x"), secret(), Reach::Anywhere).unwrap()
}

/// Some entries: of a room that was made, and of its messages.
async fn entries() -> Vec<TailEntry> {
    let engine = ChatEngine::builder().build().await.unwrap();
    let room = engine.create_room(Actor::System, NewRoom::named("general")).await.unwrap();
    for text in ["one", "two ü"] {
        engine.send(&Identity::named("Alice").unwrap(), room.id, Draft::text(text)).await.unwrap();
    }
    engine.tail(None, 100).await.unwrap().entries
}

/// Tells an entry to a target that answers like this.
async fn told(answer: impl Fn() -> Response + Send + Sync + 'static) -> Result<(), NotConsumed> {
    let answer = Arc::new(answer);
    let address = serve(make(move |_| {
        let answer = Arc::clone(&answer);
        async move { answer() }
    }));
    webhook(address.await).consume(&entries().await[0]).await
}

type Requests = Arc<Mutex<Vec<(HeaderMap, String, Vec<u8>)>>>;

#[tokio::test]
async fn an_entry_is_posted_as_the_feed_has_it_and_signed() {
    let requests = Requests::default();
    let address = serve(make({
        let requests = Arc::clone(&requests);
        move |mut request: Request| {
            let requests = Arc::clone(&requests);
            async move {
                let body = request.take_body().into_vec().await?;
                let target = format!("{} {}", request.method(), request.original_uri());
                requests.lock().unwrap().push((request.headers().clone(), target, body));
                Ok::<_, poem::Error>(StatusCode::ACCEPTED.into_response())
            }
        }
    }));
    let webhook = webhook(address.await);
    let entries = entries().await;
    for entry in [&entries[0], &entries[2], &entries[2]] {
        webhook.consume(entry).await.unwrap();
    }
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 3);
    for ((headers, target, body), entry) in requests.iter().zip([&entries[0], &entries[2], &entries[2]]) {
        assert_eq!(target, "POST /hook?token=x");
        let header = |name: &str| headers[name].to_str().unwrap();
        assert_eq!(header("content-type"), "application/json");
        assert_eq!(header("webhook-id"), entry.cursor.to_string().replace('.', "-"));
        let seconds: u64 = header("webhook-timestamp").parse().unwrap();
        assert!(seconds > 1_700_000_000);
        let signed = format!("{}.{seconds}.{}", header("webhook-id"), std::str::from_utf8(body).unwrap());
        let mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap().chain_update(signed).finalize();
        assert_eq!(header("webhook-signature"), format!("v1,{}", STANDARD.encode(mac.into_bytes())));
    }
    let body = |index: usize| serde_json::from_slice::<Value>(&requests[index].2).unwrap();
    assert_eq!((&body(0)["type"], &body(0)["created"]["name"]), (&json!("room_created"), &json!("general")));
    assert_eq!((&body(1)["type"], &body(1)["event"]["content"]), (&json!("event"), &json!("two ü")));
    assert_eq!(body(1)["cursor"], json!(entries[2].cursor.to_string()));
    assert_eq!(body(1), body(2), "it is the same when it is told again");
}

#[tokio::test]
async fn only_an_answer_of_success_takes_an_entry_in() {
    for status in [200, 201, 204] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(told(move || status.into_response()).await, Ok(()));
    }
    for status in [301, 307, 400, 401, 404, 410, 500, 502] {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = move || {
            assert!(status != StatusCode::OK);
            Response::builder().status(status).header("location", "/elsewhere").header("retry-after", "60").finish()
        };
        assert_eq!(told(answer).await, Err(NotConsumed::new(format!("answered {}", status.as_u16()))));
    }
    for (status, asks, wait) in [(429, "60", Some(60)), (503, "7", Some(7)), (503, "soon", None), (503, "-1", None)] {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = move || Response::builder().status(status).header("retry-after", asks).finish();
        let not = told(answer).await.unwrap_err();
        assert_eq!(not.wait(), wait.map(Duration::from_secs), "{status} {asks}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let followed = Arc::new(Mutex::new(0));
    let inside = serve(make({
        let followed = Arc::clone(&followed);
        move |_| {
            *followed.lock().unwrap() += 1;
            async { StatusCode::OK }
        }
    }));
    let location = format!("http://{}/", inside.await);
    let answer = move || Response::builder().status(StatusCode::FOUND).header("location", &location).finish();
    assert_eq!(told(answer).await, Err(NotConsumed::new("answered 302")));
    assert_eq!(*followed.lock().unwrap(), 0);
}

#[tokio::test]
async fn an_answer_without_an_end_is_left() {
    let endless = || Body::from_bytes_stream(stream::repeat_with(|| std::io::Result::Ok(vec![b'x'; 64 * 1_024])));
    assert_eq!(told(move || endless().into_response()).await, Ok(()), "its status has said it");
    let answer = move || Response::builder().status(StatusCode::BAD_GATEWAY).body(endless());
    assert_eq!(told(answer).await, Err(NotConsumed::new("answered 502")));
}

/// Paused time goes on where everything waits, as for an answer.
#[tokio::test(start_paused = true)]
async fn who_does_not_answer_is_waited_for_for_five_seconds() {
    let entry = &entries().await[0];
    // A target that takes connections, and nothing else.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook = webhook(listener.local_addr().unwrap());
    let _holds = tokio::spawn(async move {
        let _connection = listener.accept().await;
        pending::<()>().await
    });
    let began = tokio::time::Instant::now();
    assert_eq!(webhook.consume(entry).await, Err(NotConsumed::new("timed out")));
    assert_eq!(began.elapsed(), Duration::from_secs(5));
}

#[tokio::test]
async fn who_is_not_there_or_speaks_no_http_is_told_later() {
    let entry = &entries().await[0];
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(webhook(address).consume(entry).await, Err(NotConsumed::new("cannot be connected to")));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhook = webhook(listener.local_addr().unwrap());
    let _closes = tokio::spawn(async move {
        loop {
            drop(listener.accept().await);
        }
    });
    assert_eq!(webhook.consume(entry).await, Err(NotConsumed::new("gave no answer")));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let entry = &entries().await[0];
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["localhost", "LOCALHOST"] {
        let webhook = Webhook::new(&format!("https://{host}:{port}/"), secret(), Reach::Public).unwrap();
        assert_eq!(webhook.consume(entry).await, Err(NotConsumed::new("its address is not public")));
    }
    let inside = Webhook::new(&format!("http://localhost:{port}/"), secret(), Reach::Anywhere).unwrap();
    let (accepted, told) = tokio::join!(listener.accept(), async {
        tokio::select! {
            told = inside.consume(entry) => Some(told),
            () = tokio::time::sleep(Duration::from_millis(100)) => None,
        }
    });
    assert!(accepted.is_ok() && told.is_none(), "the first connection is of the one that may");
}

#[test]
fn nothing_secret_is_shown() {
    let webhook = Webhook::new("https://hooks.example/canary?canary", secret(), Reach::Public).unwrap();
    let shown = format!("{webhook:?} {:?} {}", secret(), webhook.name());
    assert!(
        !shown.contains("canary") && !shown.contains(&STANDARD.encode(KEY)) && shown.contains("hooks.example"),
        "{shown}"
    );
    assert_eq!(
        webhook.name(),
        Webhook::new("https://hooks.example/canary?canary", secret(), Reach::Public).unwrap().name()
    );
    assert_eq!(webhook.name().len(), "webhook-".len() + 16);
}
