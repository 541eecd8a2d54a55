//! Which consumers this engine tells.

use std::{collections::BTreeSet, sync::Mutex};

use crate::engine::lock::lock;

/// The consumers that this engine tells.
#[derive(Debug, Default)]
pub(super) struct ConsumerNames(Mutex<BTreeSet<String>>);

/// Keeps others from being told under the same name, until it is dropped.
pub(super) struct OnlyConsumer<'n>(&'n ConsumerNames, String);

impl ConsumerNames {
    /// Takes a name; `None` if somebody has it.
    pub(super) fn enter(&self, name: &str) -> Option<OnlyConsumer<'_>> {
        lock(&self.0).insert(name.to_owned()).then(|| OnlyConsumer(self, name.to_owned()))
    }
}

impl Drop for OnlyConsumer<'_> {
    fn drop(&mut self) {
        lock(&self.0.0).remove(&self.1);
    }
}
