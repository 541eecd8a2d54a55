//! The plan of this process, and what its hooks do about it. Unarmed, a hook costs one atomic load.

use std::{
    process::{Command, abort, id},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use super::{
    Action, At, Bug, Plan, Point,
    page::{self, Asked, Pages},
};
use crate::{Clock, HistoryPage, HistoryQuery, RoomId, SystemClock, Timestamp};

/// What this process was told to do wrong.
#[derive(Debug)]
struct Armed {
    bug: Option<Bug>,
    points: Vec<Counted>,
    clock: SystemClock,
    since: Timestamp,
    pages: Pages,
}

/// A place to act at, and how often it was passed.
#[derive(Debug)]
struct Counted {
    at: At,
    passed: AtomicU64,
}

/// What is to be done at a point that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "nothing happens until it is carried out"]
pub struct Due(At);

static ARMED: OnceLock<Armed> = OnceLock::new();

/// How long what was set going before a point may take to leave the process.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Arms this process, for good.
///
/// # Errors
/// The plan, when it is armed already.
pub fn arm(plan: Plan) -> Result<(), Plan> {
    let points = plan.at.iter().map(|at| Counted { at: *at, passed: AtomicU64::new(0) }).collect();
    let clock = SystemClock::new();
    let armed = Armed { bug: plan.bug, points, since: clock.now().wall, clock, pages: Pages::default() };
    ARMED.set(armed).map_err(|_| plan)
}

/// The bug that is planted, if any.
#[must_use]
pub fn bug() -> Option<Bug> {
    ARMED.get().and_then(|armed| armed.bug)
}

/// Whether this bug is planted.
#[must_use]
#[inline]
pub fn has(planted: Bug) -> bool {
    bug() == Some(planted)
}

/// When this process was armed, which is about when it started; `None`: it is not.
#[must_use]
pub fn armed_at() -> Option<Timestamp> {
    ARMED.get().map(|armed| armed.since)
}

/// Passes a point, and does what is planned for this pass.
#[inline]
pub fn reached(point: Point) {
    if let Some(due) = due(point) {
        due.carry_out();
    }
}

/// Passes a point, and says what is planned for this pass, if anything is.
#[inline]
pub fn due(point: Point) -> Option<Due> {
    let armed = ARMED.get()?;
    let mut here = armed.points.iter().filter(|counted| counted.at.point == point);
    here.find_map(|counted| {
        let pass = counted.passed.fetch_add(1, Ordering::Relaxed) + 1;
        (pass == counted.at.nth).then_some(Due(counted.at))
    })
}

/// A page of history as the planted bug has it.
#[must_use]
pub fn page(room: RoomId, asked: HistoryQuery, read: HistoryPage) -> HistoryPage {
    match ARMED.get() {
        Some(Armed { bug: Some(bug), clock, pages, .. }) => {
            page::spoilt(*bug, pages, Asked { room, page: asked, at: clock.now().mono }, read)
        }
        _ => read,
    }
}

impl Due {
    /// Does it now.
    ///
    /// # Panics
    /// If that is what is to be done.
    pub fn carry_out(self) {
        let Self(at) = self;
        tracing::error!(point = at.point.name(), "as planned: {at}");
        match at.action {
            Action::Abort => abort(),
            #[expect(clippy::panic, reason = "it was asked for")]
            Action::Panic => panic!("as planned: {at}"),
            Action::Stop => stop(),
        }
    }

    /// Does it once what was answered before has left the process. It blocks its thread until then.
    pub fn carry_out_after_last_words(self) {
        sleep(LAST_WORDS);
        self.carry_out();
    }
}

/// Stops the process as SIGSTOP does, until someone lets it go on.
fn stop() {
    if let Err(error) = Command::new("kill").args(["-STOP", &id().to_string()]).status() {
        tracing::error!(%error, "the process cannot stop itself");
    }
}
