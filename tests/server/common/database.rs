//! A database that no other test sees.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use sea_orm::{ConnectionTrait, Statement};

/// A fresh database.
pub(crate) struct Database {
    url: String,
    folder: Option<PathBuf>,
}

impl Database {
    /// A file in a folder of its own, which is removed with it.
    pub(crate) fn sqlite() -> Self {
        let folder = env::temp_dir().join(unique());
        fs::create_dir(&folder).unwrap();
        Self { url: format!("sqlite://{}/chat.db?mode=rwc", folder.display()), folder: Some(folder) }
    }

    /// A file in a folder that the caller removes.
    pub(crate) fn sqlite_in(folder: &Path) -> Self {
        Self { url: format!("sqlite://{}/chat.db?mode=rwc", folder.display()), folder: None }
    }

    /// The same database at another URL, or any other URL.
    pub(crate) const fn at(url: String) -> Self {
        Self { url, folder: None }
    }

    pub(crate) async fn postgres() -> Self {
        Self::create("CHAT_TEST_POSTGRES_URL").await
    }

    pub(crate) async fn mariadb() -> Self {
        Self::create("CHAT_TEST_MYSQL_URL").await
    }

    /// A database on the server that the variable names.
    async fn create(variable: &str) -> Self {
        let server = env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run `cargo xtask test`"));
        let name = unique();
        let connection = sea_orm::Database::connect(&server).await.unwrap();
        connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        connection.close().await.unwrap();
        let (server, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{server}/{name}"), folder: None }
    }

    /// The folder of an SQLite database.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_deref().unwrap()
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The folder of an SQLite database; `None` for others.
    pub(crate) fn folder_of_file(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Runs statements on it, one after the other.
    pub(crate) async fn execute(&self, statements: &[&str]) {
        let connection = sea_orm::Database::connect(&self.url).await.unwrap();
        for sql in statements {
            connection.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        connection.close().await.unwrap();
    }

    /// The number that a query answers.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let connection = sea_orm::Database::connect(&self.url).await.unwrap();
        let query = Statement::from_string(connection.get_database_backend(), sql);
        let row = connection.query_one_raw(query).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let number = row.unwrap().try_get_by_index(0).unwrap();
        connection.close().await.unwrap();
        number
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // What cannot be removed is in the system's folder for temporary files.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

pub(super) fn unique() -> String {
    format!("chat_test_{}", uuid::Uuid::new_v4().simple())
}
