//! Who may come in, as far as the page says it.

use crate::account::Registration;

/// Who may come in, as far as the page says it.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "ui"), expect(dead_code, reason = "only that page says it"))]
pub(crate) struct Entrance {
    /// Who may register, if there are accounts.
    pub(crate) accounts: Option<Registration>,
    /// Whether guests may come.
    pub(crate) guests: bool,
}
