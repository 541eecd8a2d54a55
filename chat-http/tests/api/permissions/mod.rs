//! Who may do what: the engine's table of rights, tried cell by cell over each way in, and printed as `docs/permissions.md`.
//!
//! What is expected is computed from [`RoomTerms::check`](chat_core::RoomTerms::check), which the engine's own tests hold
//! against the design. Here, each way in has to give the same answers.

mod deed;
mod document;
mod events;
mod kind;
mod person;
mod rest;
mod rust_api;
mod stage;
mod websocket;

use chat_core::rights::RoomAction;

use self::{
    person::Person,
    stage::{RoomSort, Scene, Stage},
};

/// What came of one call: its name, and the code of the error, or `ok`.
type Outcome = (&'static str, String);

/// Tries all cells over one way in, with people who come by each kind of identity. A room is made for each, since what is tried may
/// change it. At least so many calls have to be made.
async fn try_all(least: usize, way: impl AsyncFn(&Scene<'_>, RoomAction) -> Vec<Outcome>) {
    let stage = Stage::new().await;
    let (mut tried, mut wrong) = (0, Vec::new());
    for sort in RoomSort::ALL {
        for person in Person::all_in(sort) {
            for action in RoomAction::ALL {
                let scene = stage.scene(sort, person).await;
                for (call, outcome) in way(&scene, action).await {
                    tried += 1;
                    let expected = scene.expected(action, call);
                    if outcome != expected {
                        wrong
                            .push(format!("{action:?} by {person:?} in {sort:?}: {call} is {outcome}, not {expected}"));
                    }
                }
            }
        }
    }
    assert!(tried >= least, "only {tried} calls");
    assert!(wrong.is_empty(), "{} of {tried} calls:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn the_rust_api_does_what_the_table_says() {
    try_all(3_000, rust_api::call).await;
}

#[tokio::test]
async fn rest_does_what_the_table_says() {
    try_all(2_500, rest::call).await;
}

#[tokio::test]
async fn event_streams_do_what_the_table_says() {
    try_all(70, events::call).await;
}

#[tokio::test]
async fn sockets_do_what_the_table_says() {
    try_all(750, websocket::call).await;
}
