//! What a process is told to do at its points.

use std::{fmt, str::FromStr};

use super::Point;

/// What a process is told to do at its points.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What to do where.
    pub at: Vec<At>,
}

/// What to do when a point is passed for the nth time; written `point:nth:action`, or `point:nth` for an abort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The point.
    pub point: Point,
    /// Which pass, from 1.
    pub nth: u64,
    /// What to do.
    pub action: Action,
}

/// What to do at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The process ends at once, without a word.
    Abort,
    /// The thread panics.
    Panic,
    /// The process stops as by SIGSTOP, until SIGCONT.
    Stop,
}

/// A text that names no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPlan(String);

impl Plan {
    /// Reads points separated by commas.
    ///
    /// # Errors
    /// [`BadPlan`] says what is wrong, and what there is.
    pub fn parse(text: &str) -> Result<Self, BadPlan> {
        let at = text.split(',').filter(|text| !text.is_empty()).map(str::parse);
        Ok(Self { at: at.collect::<Result<_, _>>()? })
    }
}

impl FromStr for Point {
    type Err = BadPlan;

    fn from_str(text: &str) -> Result<Self, BadPlan> {
        find("point", &Self::ALL, Self::name, text)
    }
}

impl FromStr for At {
    type Err = BadPlan;

    fn from_str(text: &str) -> Result<Self, BadPlan> {
        let mut parts = text.split(':');
        let point = parts.next().unwrap_or_default().parse()?;
        let nth = parts.next().and_then(|nth| nth.parse().ok()).filter(|nth| *nth > 0);
        let nth = nth.ok_or_else(|| BadPlan(format!("`{text}` does not say which pass: write `{point}:1`")))?;
        let action = parts.next().map_or(Ok(Action::Abort), str::parse)?;
        match parts.next() {
            None => Ok(Self { point, nth, action }),
            Some(rest) => Err(BadPlan(format!("`{text}` has `:{rest}` at its end"))),
        }
    }
}

impl FromStr for Action {
    type Err = BadPlan;

    fn from_str(text: &str) -> Result<Self, BadPlan> {
        find("action", &[Self::Abort, Self::Panic, Self::Stop], Self::name, text)
    }
}

impl Action {
    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Abort => "abort",
            Self::Panic => "panic",
            Self::Stop => "stop",
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { point, nth, action } = self;
        write!(f, "{point}:{nth}:{}", action.name())
    }
}

fn find<T: Copy>(what: &str, all: &[T], name: fn(T) -> &'static str, text: &str) -> Result<T, BadPlan> {
    all.iter().copied().find(|one| name(*one) == text).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|one| name(*one)).collect();
        BadPlan(format!("there is no {what} `{text}`, only {}", names.join(", ")))
    })
}
