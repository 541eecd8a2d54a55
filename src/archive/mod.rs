//! `chatd export` and `chatd import`: rooms as lines of JSON. The format is in docs/export.md.

mod codec;
mod export;
mod import;
mod line;

pub(crate) use export::export;
pub(crate) use import::import;
