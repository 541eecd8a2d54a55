//! Torture: points at which a process dies as told, and bugs that can be planted in it, to show that whoever judges a
//! run would find them. Without the feature `torture` all of it is compiled to nothing.
//!
//! The plan is the process's, not an engine's: it is there to break a process. A state has its bug as a part of its value.

mod bug;
mod point;

#[cfg(feature = "torture")]
mod armed;
#[cfg(not(feature = "torture"))]
#[path = "inert.rs"]
mod armed;
#[cfg(feature = "torture")]
mod page;
#[cfg(feature = "torture")]
mod plan;
#[cfg(all(test, feature = "torture"))]
mod tests;

#[cfg(feature = "torture")]
pub use armed::{Due, arm, armed_at, bug, due};
pub use armed::{has, page, reached};
pub use bug::Bug;
#[cfg(feature = "torture")]
pub use plan::{Action, At, BadPlan, Plan};
pub use point::Point;
