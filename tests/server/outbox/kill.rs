//! Hosts that are killed while they queue messages, and while those are sent.

use std::{env, os::unix::process::ExitStatusExt};

use chat_core::Draft;
use sea_orm::{ConnectionTrait, TransactionTrait};
use tokio::{process::Command, time::timeout};

use super::{Host, alice, wait_for_empty};
use crate::common::{DEADLINE, Database, on_each_database};

on_each_database!(
    #[cfg_attr(not(failpoints), ignore = "needs failpoints: cargo xtask test")]
    a_host_that_is_killed_anywhere_sends_once,
);

/// How many orders the host takes.
const ORDERS: i64 = 6;
/// Where the URL stands for a host in a process of its own, and where it dies.
const URL: &str = "CHAT_TEST_HOST_URL";
const FAIL_AT: &str = "CHAT_TEST_HOST_FAIL_AT";

async fn a_host_that_is_killed_anywhere_sends_once(database: Database) {
    database.execute(&["CREATE TABLE orders (id INTEGER PRIMARY KEY)"]).await;
    let mut killed = 0;
    for point in ["in_outbox", "before_insert", "after_insert", "after_commit", "after_answer"] {
        for nth in 1..=5 {
            database.execute(&["DELETE FROM orders"]).await;
            let status = run_host(&database, Some(&format!("{point}:{nth}"))).await;
            killed += usize::from(status.signal() == Some(6));
            assert!(run_host(&database, None).await.success());
            let host = Host::start(database.url()).await;
            assert_eq!(host.number("SELECT COUNT(*) FROM orders").await, ORDERS, "{point}:{nth}");
            let said = host.said(host.room.id).await;
            let expected: Vec<_> = (1..=ORDERS).map(|order| format!("Order {order}")).collect();
            assert_eq!(said, expected, "{point}:{nth}");
            assert_eq!(host.number("SELECT COUNT(*) FROM chat_outbox").await, 0, "{point}:{nth}");
            host.engine.delete_room(&alice(), host.room.id).await.unwrap();
            host.engine.shutdown().await;
        }
    }
    assert!(killed >= 20, "the host died only {killed} times");
}

async fn run_host(database: &Database, fail_at: Option<&str>) -> std::process::ExitStatus {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "outbox::kill::host", "--include-ignored"]).env(URL, database.url());
    command.env(FAIL_AT, fail_at.unwrap_or_default()).stdout(std::process::Stdio::null());
    let ended = timeout(DEADLINE * 3, command.stderr(std::process::Stdio::null()).kill_on_drop(true).status());
    ended.await.expect("the host does not end").unwrap()
}

/// The host in a process of its own, which the test above starts: it takes orders, and tells of each in the same transaction.
#[tokio::test]
#[ignore = "does nothing unless another test starts it: cargo xtask test"]
async fn host() {
    let Ok(url) = env::var(URL) else { return };
    #[cfg(failpoints)]
    {
        let plan = chat_core::failpoints::Plan::parse(&env::var(FAIL_AT).unwrap()).unwrap();
        chat_core::failpoints::arm(plan, |work| work()).unwrap();
    }
    let host = Host::start(&url).await;
    let last = host.number("SELECT COUNT(*) FROM orders").await;
    for order in last + 1..=ORDERS {
        let transaction = host.database.begin().await.unwrap();
        transaction.execute_unprepared(&format!("INSERT INTO orders (id) VALUES ({order})")).await.unwrap();
        let draft = Draft::text(format!("Order {order}"));
        let queued = host.engine.send_in(&transaction, &alice(), host.room.id, draft).await.unwrap();
        transaction.commit().await.unwrap();
        queued.committed();
    }
    wait_for_empty(&host).await;
    host.engine.shutdown().await;
}
