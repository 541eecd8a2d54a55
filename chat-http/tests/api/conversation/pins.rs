//! Pins.

use poem::http::Method;
use serde_json::json;

use super::{Stage, assert_refused};

#[tokio::test]
async fn pinned_messages_are_listed_newest_pin_first() {
    let stage = Stage::new().await;
    stage.send("Bob", json!({"content": "two"})).await;
    for (seq, name) in [(2, "Alice"), (1, "Bob")] {
        let (status, state) = stage.call(Method::PUT, &format!("messages/{seq}/pin"), name, None).await;
        assert_eq!((status, &state["seq"], &state["pinned"]), (200, &json!(seq), &json!(true)));
        assert!(state["head"].is_u64());
    }
    let pins = stage.get("pins", "").await;
    let seqs: Vec<_> = pins["messages"].as_array().unwrap().iter().map(|one| &one["seq"]).collect();
    assert_eq!((seqs, &pins["head"]), (vec![&json!(1), &json!(2)], &json!(4)));
    assert!(pins["messages"].as_array().unwrap().iter().all(|one| one["pinned"] == true));
    assert_eq!(pins.as_object().unwrap().len(), 2);

    let (status, same) = stage.call(Method::PUT, "messages/1/pin", "Carol", None).await;
    assert_eq!((status, &same["head"]), (200, &json!(4)), "it is pinned already");
    let (status, state) = stage.call(Method::DELETE, "messages/1/pin", "Carol", None).await;
    assert_eq!((status, &state["head"]), (200, &json!(5)));
    assert!(state.get("pinned").is_none(), "{state}");
    let (_, same) = stage.call(Method::DELETE, "messages/1/pin", "Carol", None).await;
    assert_eq!(same["head"], 5, "it is no longer pinned already");
}

#[tokio::test]
async fn a_room_has_at_most_100_pins() {
    let stage = Stage::empty().await;
    for seq in 1..=101 {
        stage.send(&format!("user{}", seq % 20), json!({"content": "x"})).await;
    }
    for seq in 1..=100 {
        assert_eq!(stage.call(Method::PUT, &format!("messages/{seq}/pin"), "Alice", None).await.0, 200);
    }
    assert_refused(stage.call(Method::PUT, "messages/101/pin", "Alice", None).await, 429, "too_many");
    stage.call(Method::DELETE, "messages/7/pin", "Alice", None).await;
    assert_eq!(stage.call(Method::PUT, "messages/101/pin", "Alice", None).await.0, 200);
    let pins = stage.get("pins", "").await;
    assert_eq!((pins["messages"].as_array().unwrap().len(), &pins["messages"][0]["seq"]), (100, &json!(101)));
}
