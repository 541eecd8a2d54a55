//! What this process is told to do wrong; only in the torture's own build.

use std::env::{self, VarError};

use chat_core::torture::{self, Plan};

/// Where the process dies: points with the pass and the action, such as `after_commit:3:abort`, separated by commas.
const AT: &str = "CHATD_TORTURE_AT";
/// The bug that it has.
const BUG: &str = "CHATD_TORTURE_BUG";

/// Arms the process as its environment says; `Err` says what is wrong with that.
pub(crate) fn arm() -> Result<(), String> {
    let plan = Plan::parse(variable(BUG)?.as_deref(), variable(AT)?.as_deref());
    let plan = plan.map_err(|error| format!("{AT} or {BUG}: {error}"))?;
    if plan.is_empty() {
        return Ok(());
    }
    let at: Vec<String> = plan.at.iter().map(ToString::to_string).collect();
    let bug = plan.bug.map_or("none", torture::Bug::name);
    tracing::warn!(bug, at = at.join(","), "armed to misbehave: this server is for the torture alone");
    torture::arm(plan).map_err(|_plan| "the process is armed already".to_owned())
}

fn variable(name: &str) -> Result<Option<String>, String> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(format!("{name} is not UTF-8")),
    }
}
