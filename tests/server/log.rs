//! The log is for those who run the server: those who use it do not notice when it cannot be written.

use crate::common::{Database, Server};

#[tokio::test]
async fn a_log_that_cannot_be_written_harms_nobody() {
    let database = Database::sqlite();
    let server = Server::start_with_full_log(&database).await;
    let room = server.room("general").await;
    let mut socket = server.join(room, "Alice").await;
    assert_eq!(server.say(room, "Bob", "hello").await, 1);
    assert_eq!(socket.event().await["content"], "hello");
    assert_eq!(socket.say("hello yourself").await, 2);
    assert_eq!(server.get("/rooms/999").await.status, 404);
    assert!(server.stop().await.success());
}
