//! The database of a run, with the tools that break it.

use std::{
    env, fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use sea_orm::{ConnectOptions, ConnectionTrait};
use tokio::process::Command;

use crate::{
    fault::{disk::Disk, proxy::Proxy, shim::Shim},
    server::Result,
};

/// The kind of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SQLite, in a file.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// A MariaDB server.
    Mariadb,
}

impl Kind {
    /// The kind with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Sqlite, Self::Postgres, Self::Mariadb].into_iter().find(|kind| kind.to_string() == name)
    }

    /// The variables of the environment that name the database's server, and the program that starts and stops it.
    const fn variables(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(("CHAT_TEST_POSTGRES_URL", "CHAT_TEST_POSTGRES_CONTROL")),
            Self::Mariadb => Some(("CHAT_TEST_MYSQL_URL", "CHAT_TEST_MYSQL_CONTROL")),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
        })
    }
}

/// A database that only this run uses. What was mounted or created for it is removed with it.
#[derive(Debug)]
pub struct Database {
    /// Its kind.
    pub kind: Kind,
    /// Its URL.
    pub direct: String,
    /// Its URL for the chat server, which leads through the proxy if there is one.
    pub through: String,
    /// The proxy between the chat server and the database's server.
    pub proxy: Option<Proxy>,
    /// The small disk that the database is on.
    pub disk: Option<Disk>,
    /// The shim that misbehaves in the chat server's process, or why there is none.
    pub shim: std::result::Result<Shim, String>,
    /// The program that starts and stops the database's server, or why there is none.
    pub control: std::result::Result<PathBuf, String>,
    /// The URL and the name for removing the database from its server in the end.
    admin: Option<(String, String)>,
}

impl Database {
    /// Creates a database for this run. Files are kept in this folder, unless it is to be on a small disk.
    ///
    /// # Errors
    /// There is no server, or it refuses.
    pub async fn new(kind: Kind, folder: &Path, on_small_disk: bool) -> Result<Self> {
        let Some((url, control)) = kind.variables() else { return Self::sqlite(folder, on_small_disk).await };
        let server = env::var(url).map_err(|_| format!("{url} is not set: run `cargo xtask torture`"))?;
        let control = env::var_os(control).map(PathBuf::from).ok_or_else(|| format!("{control} is not set"));
        let (host, _) = server.rsplit_once('/').ok_or("the URL of the server has no database")?;
        let (scheme, address) = host.rsplit_once('@').ok_or("the URL of the server has no user")?;
        let name = format!("chat_torture_{}", unique());
        execute(&server, &format!("CREATE DATABASE {name}")).await?;
        let proxy = Proxy::start(address.parse::<SocketAddr>()?).await?;
        Ok(Self {
            kind,
            direct: format!("{host}/{name}"),
            through: format!("{scheme}@{}/{name}", proxy.address()),
            proxy: Some(proxy),
            disk: None,
            shim: Shim::new(folder).map_err(|error| error.to_string()),
            control,
            admin: Some((server, name)),
        })
    }

    async fn sqlite(folder: &Path, on_small_disk: bool) -> Result<Self> {
        let disk = if on_small_disk { Disk::mount(DISK).await.ok() } else { None };
        let folder = disk.as_ref().map_or(folder, Disk::folder);
        let url = format!("sqlite://{}/chat.db?mode=rwc", folder.display());
        Ok(Self {
            kind: Kind::Sqlite,
            direct: url.clone(),
            through: url,
            proxy: None,
            shim: Shim::new(folder).map_err(|error| error.to_string()),
            disk,
            control: Err("SQLite has no server".to_owned()),
            admin: None,
        })
    }

    /// The shim, if there is one.
    ///
    /// # Errors
    /// Why there is no shim.
    pub fn shim(&self) -> Result<&Shim> {
        self.shim.as_ref().map_err(|why| why.clone().into())
    }

    /// Starts or stops the database's server.
    ///
    /// # Errors
    /// The program fails, or there is none.
    pub async fn control(&self, what: &str) -> Result {
        let program = self.control.as_ref().map_err(Clone::clone)?;
        let output = Command::new(program).arg(what).output().await?;
        if output.status.success() {
            return Ok(());
        }
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Err(format!("{} {what}: {}\n{told}", program.display(), output.status).into())
    }

    /// What is wrong with the database's files, if anything is. The chat server must not be running.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub async fn damage(&self) -> Result<Option<String>> {
        if self.kind != Kind::Sqlite {
            return Ok(None);
        }
        let connection = sea_orm::Database::connect(options(&self.direct)).await?;
        let row = connection.query_one_raw(sea_orm::Statement::from_string(
            connection.get_database_backend(),
            "PRAGMA integrity_check",
        ));
        let said: String = row.await?.ok_or("no answer")?.try_get_by_index(0)?;
        connection.close().await?;
        Ok((said != "ok").then_some(said))
    }

    /// Removes the database from its server.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn remove(&mut self) -> Result {
        match self.admin.take() {
            Some((server, name)) => execute(&server, &format!("DROP DATABASE {name}")).await,
            None => Ok(()),
        }
    }
}

/// A name that no other run uses.
fn unique() -> String {
    let since = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!("{}_{since:x}", std::process::id())
}

async fn execute(server: &str, sql: &str) -> Result {
    let connection = sea_orm::Database::connect(options(server)).await?;
    connection.execute_unprepared(sql).await?;
    Ok(connection.close().await?)
}

fn options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    options
}

/// The size of the small disk.
const DISK: u64 = 256 << 20;
