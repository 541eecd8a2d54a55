//! The plan of this process, and how it is carried out.

use std::{
    process::{Command, abort, id},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use super::{Action, At, Plan, Point};

/// Runs what blocks a thread, in such a way that the tasks of the runtime run on meanwhile.
pub type Pause = fn(&mut dyn FnMut());

/// What this process is told to do.
#[derive(Debug)]
struct Armed {
    plan: Plan,
    pause: Pause,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// How often each point was passed, in the order of [`Point::ALL`].
static PASSES: [AtomicU64; Point::ALL.len()] = [const { AtomicU64::new(0) }; Point::ALL.len()];

/// How long what was set going before a point may take to leave the process.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Arms this process, for good. At [`Point::AfterAnswer`], `pause` gives the answer the time to leave the process.
///
/// # Errors
/// The plan, when it is armed already.
pub fn arm(plan: Plan, pause: Pause) -> Result<(), Plan> {
    ARMED.set(Armed { plan, pause }).map_err(|armed| armed.plan)
}

/// Passes a point, and does what is planned for this pass.
///
/// # Panics
/// If that is what is planned.
pub fn reached(point: Point) {
    let pass = PASSES[point as usize].fetch_add(1, Ordering::Relaxed) + 1;
    let Some(armed) = ARMED.get() else { return };
    let Some(at) = armed.plan.at.iter().find(|at| at.point == point && at.nth == pass) else { return };
    if point == Point::AfterAnswer {
        (armed.pause)(&mut || sleep(LAST_WORDS));
    }
    carry_out(*at);
}

/// How often this point was passed.
#[must_use]
pub fn passes(point: Point) -> u64 {
    PASSES[point as usize].load(Ordering::Relaxed)
}

fn carry_out(at: At) {
    tracing::error!(point = at.point.name(), "as planned: {at}");
    match at.action {
        Action::Abort => abort(),
        #[expect(clippy::panic, reason = "it was asked for")]
        Action::Panic => panic!("as planned: {at}"),
        Action::Stop => stop(),
    }
}

/// Stops the process as SIGSTOP does, until someone lets it go on.
fn stop() {
    if let Err(error) = Command::new("kill").args(["-STOP", &id().to_string()]).status() {
        tracing::error!(%error, "the process cannot stop itself");
    }
}
