//! The rates for strangers do not get in the way of people.

use super::*;
use crate::{
    Change, HistoryQuery, MarkTo, MyRoomQuery, Seq, Since,
    search::{SearchQuery, TextQuery},
};

/// How many rooms the person follows.
const ROOMS: usize = 100;

/// Somebody who does at each moment what people do, ten times as fast.
struct Person {
    engine: ChatEngine,
    rooms: Vec<RoomId>,
    handle: SessionHandle,
    random: u64,
}

impl Person {
    /// Whether something happens that does so once in `times`.
    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn below(&mut self, limit: u64) -> u64 {
        // xorshift, https://www.jstatsoft.org/article/view/v008i14
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }

    fn room(&mut self) -> RoomId {
        let number = self.below(self.rooms.len() as u64);
        self.rooms[usize::try_from(number).unwrap()]
    }

    /// What a client does when it starts, or comes back after its network was lost.
    async fn start(&mut self) {
        let bob = user("bob");
        let (handle, _updates) = self.engine.connect(bob.clone()).split();
        for _page in 0..2 {
            self.engine.my_rooms(&bob, MyRoomQuery::default()).await.unwrap();
        }
        for room in &self.rooms {
            handle.attach(*room, Since::Now).await.unwrap();
        }
        self.handle = handle;
    }

    /// Opens a room, reads what is new, and writes to it.
    async fn second(&mut self) {
        let (room, bob) = (self.room(), user("bob"));
        if self.once_in(2) {
            let page = self.engine.history(&bob, room, HistoryQuery::newest()).await.unwrap();
            self.engine.pins(&bob, room).await.unwrap();
            self.handle.mark(room, MarkTo::seq(page.head)).await.unwrap();
        }
        if self.once_in(2) {
            self.handle.typing(room, true).await.unwrap();
            for _line in 0..=self.below(3) {
                let seq = self.handle.send(room, Draft::text("hello")).await.unwrap().seq;
                self.touch_up(room, seq).await;
            }
        }
        if self.once_in(10) {
            // The words are searched for while they are typed, and the client waits for a pause in that.
            for words in ["hel", "hello"] {
                let query = SearchQuery { text: TextQuery::parse(words).unwrap(), ..SearchQuery::new(words).unwrap() };
                self.engine.search(&bob, query).await.unwrap();
            }
        }
        if self.once_in(30) {
            for _page in 0..10 {
                self.engine.history(&bob, room, HistoryQuery::newest()).await.unwrap();
            }
        }
    }

    /// Reacts to a message, edits it, deletes it: sometimes.
    async fn touch_up(&mut self, room: RoomId, seq: Seq) {
        if self.once_in(3) {
            self.handle.change(room, Change::react(seq, "👍")).await.unwrap();
        }
        if self.once_in(5) {
            self.handle.change(room, Change::edit(seq, crate::Edit::text("hello!"))).await.unwrap();
        }
        if self.once_in(20) {
            self.handle.change(room, Change::delete(seq)).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_day_at_ten_times_the_speed_meets_no_limit() {
    let engine = engine_on(memory(), Limits::for_strangers()).await;
    let mut rooms = Vec::new();
    for number in 0..ROOMS {
        rooms
            .push(engine.create_room(crate::Actor::System, NewRoom::named(format!("room {number}"))).await.unwrap().id);
    }
    let (handle, _updates) = connect(&engine, "bob");
    let mut bob = Person { engine, rooms, handle, random: 0x9e37_79b9_7f4a_7c15 };
    for second in 0..8 * 3_600 / 10 {
        // The network is lost ten times a day.
        if second % 288 == 0 {
            bob.start().await;
        }
        if second % 300 == 100 {
            bob.engine.create_room(&user("bob"), NewRoom::named(format!("of bob {second}"))).await.unwrap();
        }
        bob.second().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
