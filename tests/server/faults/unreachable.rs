//! A database's server that cannot be reached: the error names it and the reason at once, but never the password.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use crate::common::{Database, Server};

const UNAVAILABLE: i32 = 4;

async fn refuses(url: String, says: &[&str]) {
    let database = Database::at(url);
    let (status, said) = Server::fail(&database).await;
    assert_eq!(status.code(), Some(UNAVAILABLE), "{said}");
    for words in says {
        assert!(said.contains(words), "it does not say {words:?}: {said}");
    }
    assert!(!said.contains("hush") && !said.contains("pool timed out"), "{said}");
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn nobody_listens_there() {
    let port = free_port();
    for scheme in ["postgres", "mysql"] {
        let began = Instant::now();
        let named = format!("\"chat\" on 127.0.0.1:{port}: Connection refused");
        refuses(format!("{scheme}://me:hush@127.0.0.1:{port}/chat"), &[&named]).await;
        assert!(began.elapsed() < Duration::from_secs(2), "it took {:?}", began.elapsed());
        refuses(format!("{scheme}://me:hush@[::1]:{port}/chat"), &[&format!("\"chat\" on ::1:{port}: ")]).await;
    }
}

#[tokio::test]
async fn a_socket_that_is_not_there() {
    let at = "\"chat\" on /no/such/folder/.s.PGSQL.5432: No such file";
    refuses("postgres://me:hush@%2Fno%2Fsuch%2Ffolder/chat".to_owned(), &[at]).await;
    let at = "\"chat\" on /no/such/socket: No such file";
    refuses("mysql://me:hush@localhost/chat?socket=/no/such/socket".to_owned(), &[at]).await;
}

#[tokio::test]
async fn a_host_that_nobody_knows() {
    for (scheme, port) in [("postgres", 5432), ("mysql", 3306)] {
        let named = format!("\"chat\" on nowhere.invalid:{port}: ");
        refuses(format!("{scheme}://me:hush@nowhere.invalid/chat"), &[&named]).await;
    }
}

#[tokio::test]
async fn a_parameter_that_is_unknown_is_named_without_its_value() {
    let url = format!("postgres://me@127.0.0.1:{}/chat?pasword=hush", free_port());
    refuses(url, &["parameter=\"pasword\"", "it is ignored"]).await;
}

#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn a_database_that_does_not_exist() {
    for (there, says) in
        [(Database::postgres().await, "does not exist"), (Database::mariadb().await, "nknown database")]
    {
        let (server, _) = there.url().rsplit_once('/').unwrap();
        let (_, address) = server.rsplit_once('@').unwrap();
        refuses(format!("{server}/chat_missing"), &[&format!("\"chat_missing\" on {address}: "), says]).await;
    }
}
