//! What every test needs: a server, a database of its own, and clients.

pub(crate) mod content;
mod database;
mod load;
mod rest;
mod server;
mod socket;
mod text_file;
pub(crate) mod tls;

use std::time::Duration;

pub(crate) use database::Database;
pub(crate) use load::Load;
pub(crate) use rest::{Call, Reply, call};
pub(crate) use server::Server;
pub(crate) use socket::{Frame, Socket};
pub(crate) use text_file::TextFile;

/// How long an expected event may take on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Runs `async fn name(database: Database)` on each database; those that need a server are run by `cargo xtask test`.
macro_rules! on_each_database {
    ($($(#[$on_sqlite:meta])* $name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::common::Database;

            #[tokio::test]
            $(#[$on_sqlite])*
            async fn on_sqlite() {
                super::$name(Database::sqlite()).await;
            }

            #[tokio::test]
            #[ignore = "needs a server: cargo xtask test"]
            async fn on_postgres() {
                super::$name(Database::postgres().await).await;
            }

            #[tokio::test]
            #[ignore = "needs a server: cargo xtask test"]
            async fn on_mariadb() {
                super::$name(Database::mariadb().await).await;
            }
        }
    )+};
}
pub(crate) use on_each_database;
