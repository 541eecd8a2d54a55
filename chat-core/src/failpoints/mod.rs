//! Points at which a process dies, panics or stops as told, so that tests can kill a server exactly there.
//!
//! [`reached`] does nothing, and compiles to nothing, unless this crate was compiled with `cfg(failpoints)`. `build.rs`
//! sets it when the build has `CHAT_FAILPOINTS=1` in its environment, as all builds of `cargo xtask` have. It is no feature
//! of cargo: features unify, so that another crate of a host's build could switch it on for the host; and only the crates
//! of this workspace are compiled anew when it changes.
//!
//! The plan, what is to be done at which point, belongs to the process and not to an engine: it is there to end a process.

mod point;

#[cfg(failpoints)]
mod armed;
#[cfg(failpoints)]
mod plan;
#[cfg(all(test, failpoints))]
mod tests;

#[cfg(failpoints)]
pub use armed::{Pause, arm, passes, reached};
#[cfg(failpoints)]
pub use plan::{Action, At, BadPlan, Plan};
pub use point::Point;

/// Passes a point: nothing happens in this build.
#[cfg(not(failpoints))]
#[inline(always)]
pub const fn reached(_point: Point) {}
