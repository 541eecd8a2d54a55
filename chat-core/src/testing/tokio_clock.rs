//! A clock for paused time.

use tokio::time::Instant;

use crate::{Clock, Now, Timestamp};

/// Tells tokio's time, which tests can pause and advance: with it, "is typing" expires and a grace ends when the test says so.
/// (With the machine's clock, the engine's timers would fire and find that no time has passed.) The wall clock begins in 1970.
///
/// ```
/// use std::time::Duration;
/// use chat_core::{ChatEngine, Identity, NewRoom, SignalKind, Since, testing::{Heard, TokioClock}};
///
/// # fn main() {
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
/// # runtime.block_on(test());
/// # }
/// // #[tokio::test(start_paused = true)]
/// async fn test() {
///     let engine = ChatEngine::builder().clock(TokioClock::new()).build().await.unwrap();
///     let (ada, bob) = (Identity::named("Ada").unwrap(), Identity::named("Bob").unwrap());
///     let room = engine.create_room(&ada, NewRoom::named("test")).await.unwrap().id;
///     let (typist, _) = engine.connect(ada).split();
///     typist.attach(room, Since::Now).await.unwrap();
///     let (_session, mut updates) = engine.connect(bob).split();
///     _session.attach(room, Since::Now).await.unwrap();
///
///     typist.typing(room, true).await.unwrap();
///     loop {
///         // Nobody waits 6 s for this: time passes at once when there is nothing else to do.
///         let SignalKind::Typing(typing) = &Heard::signal(&mut updates).await.kind else { continue };
///         if typing.count == 0 {
///             break;
///         }
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TokioClock(Instant);

impl TokioClock {
    /// A clock that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Now {
        let mono = self.0.elapsed();
        Now { wall: Timestamp(0).after(mono), mono }
    }
}
