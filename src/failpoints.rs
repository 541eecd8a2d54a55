//! The failures that this process is told to have; only in builds with `CHAT_FAILPOINTS=1`.

use std::env::{self, VarError};

use chat_core::{
    failpoints::{self, Plan},
    mutations::{self, Bug},
};
use tokio::task::block_in_place;

/// The points at which the process fails, separated by commas: a point, the number of the pass, and the action, such as
/// `after_commit:3:abort`.
const FAIL_AT: &str = "CHATD_FAIL_AT";
/// The bug that is injected.
const INJECTED_BUG: &str = "CHATD_INJECTED_BUG";

/// Arms the failures that the environment names. An `Err` says what is wrong with the variables.
pub(crate) fn arm() -> Result<(), String> {
    let plan = Plan::parse(&variable(FAIL_AT)?).map_err(|error| format!("{FAIL_AT}: {error}"))?;
    let bug = match variable(INJECTED_BUG)?.as_str() {
        "" => None,
        name => Some(name.parse::<Bug>().map_err(|error| format!("{INJECTED_BUG}: {error}"))?),
    };
    let at: Vec<String> = plan.at.iter().map(ToString::to_string).collect();
    let (at, name) = (at.join(","), bug.map_or("none", Bug::name));
    tracing::warn!(bug = name, at, "this server was built to fail when it is told to: it is for tests alone");
    let armed = failpoints::arm(plan, |work| block_in_place(work)).is_ok();
    if armed && bug.is_none_or(|bug| mutations::inject(bug).is_ok()) {
        return Ok(());
    }
    Err("the process is armed already".to_owned())
}

/// The value of a variable; empty if it is not set.
fn variable(name: &str) -> Result<String, String> {
    match env::var(name) {
        Ok(value) => Ok(value),
        Err(VarError::NotPresent) => Ok(String::new()),
        Err(VarError::NotUnicode(_)) => Err(format!("{name} is not UTF-8")),
    }
}
