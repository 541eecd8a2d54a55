//! Everyone comes back at once, to an engine that has just started.

use futures::future::join_all;

use super::*;
use crate::{Error, Gap, Position, Seq, Since, testing::StoreCall};

const ROOMS: u64 = 8;
const MESSAGES: u64 = 120;
const SESSIONS: u64 = 3_000;

/// Comes back to where it was, as often as it takes; returns how often it had to ask, and what it had missed.
async fn come_back(engine: ChatEngine, number: u64) -> (usize, Vec<u64>) {
    let position = Position { epoch: Epoch::new("test"), seq: Seq(number % MESSAGES) };
    let room = RoomId(1 + number % ROOMS);
    for asked in 1.. {
        let (handle, _updates) = connect(&engine, &format!("user {number}"));
        match handle.attach(room, Since::Position(position.clone())).await {
            Ok(attached) => {
                let Gap::Events(events) = attached.gap else { panic!("{number} is to begin anew") };
                let seqs = events.iter().filter_map(event_of).map(|event| event.seq.0).collect();
                return (asked, seqs);
            }
            // Too many wait for this room; what it says is: not now, come back.
            Err(error) => assert_eq!(error, Error::Overloaded),
        }
        tokio::time::sleep(Duration::from_millis(100 + number % 100)).await;
    }
    unreachable!("it asks for ever")
}

#[tokio::test(start_paused = true)]
async fn those_who_come_back_share_what_is_read_for_them() {
    let store = memory();
    let before = engine_on(Arc::clone(&store), Limits::default()).await;
    for number in 0..ROOMS {
        let room = make_room(&before, &format!("room {number}")).await;
        for number in 1..=MESSAGES {
            before.send(&user("alice"), room, text(&format!("{number}"))).await.unwrap();
        }
    }
    before.shutdown().await;

    let counted = FaultyStore::new(store);
    // Fewer places than there are sessions: some are sent away, and come back.
    let limits = Limits { room_mailbox: 100, ..Limits::default() };
    let engine = engine_on(Arc::new(counted.clone()), limits).await.waiting_at_most(Duration::ZERO);
    let returned = join_all((0..SESSIONS).map(|number| tokio::spawn(come_back(engine.clone(), number)))).await;
    let returned: Vec<_> = returned.into_iter().map(Result::unwrap).collect();
    for (number, (_, seqs)) in (0..).zip(&returned) {
        assert_eq!(*seqs, (number % MESSAGES + 1..=MESSAGES).collect::<Vec<_>>(), "{number}");
    }
    assert!(returned.iter().any(|(asked, _)| *asked > 1), "nobody was sent away: this tests less than it says");
    let rooms = usize::try_from(ROOMS).unwrap();
    assert_eq!(counted.calls(StoreCall::Read), rooms, "each room is looked up once");
    assert_eq!(counted.calls(StoreCall::Load), rooms, "what they missed is read once");
}
