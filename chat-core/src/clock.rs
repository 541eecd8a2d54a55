//! Time, which comes in from outside. It never orders anything.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A moment on the wall, in microseconds since 1970 UTC. For stamps only.
///
/// ```
/// use std::time::{Duration, SystemTime, UNIX_EPOCH};
/// use chat_core::Timestamp;
///
/// let time = UNIX_EPOCH + Duration::from_millis(1_500);
/// assert_eq!(Timestamp::from(time), Timestamp(1_500_000));
/// assert_eq!(SystemTime::from(Timestamp(1_500_000)), time);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This long after it.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, for stamps; it may jump.
    pub wall: Timestamp,
    /// Time since some fixed moment, for durations; it never goes back.
    pub mono: Duration,
}

/// Tells the time. An engine has one; tests bring their own, and keep an `Arc` of it to set it:
///
/// ```
/// use std::{sync::{Arc, atomic::{AtomicI64, Ordering}}, time::Duration};
/// use chat_core::{ChatEngine, Clock, Now, Timestamp};
///
/// struct SetClock(AtomicI64);
///
/// impl Clock for SetClock {
///     fn now(&self) -> Now {
///         let micros = self.0.load(Ordering::Relaxed);
///         Now { wall: Timestamp(micros), mono: Duration::from_micros(micros.unsigned_abs()) }
///     }
/// }
///
/// let clock = Arc::new(SetClock(AtomicI64::new(0)));
/// let builder = ChatEngine::builder().clock(Arc::clone(&clock));
/// clock.0.store(1_000_000, Ordering::Relaxed);
/// assert_eq!(clock.now().wall, Timestamp(1_000_000));
/// # drop(builder);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// What time it is.
    fn now(&self) -> Now;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Now {
        (**self).now()
    }
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// The machine's clocks; monotonic time counts from this call.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    fn now(&self) -> Now {
        // A wall clock before 1970 is a machine without a battery: stamp 0 rather than fail.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(wall.as_micros()).unwrap_or(i64::MAX);
        Now { wall: Timestamp(micros), mono: self.start.elapsed() }
    }
}
