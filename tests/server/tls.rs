//! TLS to the database, with real servers and a test authority: which servers and which clients are trusted.

use std::env;

use crate::common::{Database, Server};

const BAD_URL: i32 = 2;
const UNAVAILABLE: i32 = 4;

/// A server with TLS, whose certificate is for `localhost`.
struct Tls {
    /// The URL of its database, without parameters.
    url: String,
    /// The folder of the certificates: `ca.pem` has signed the server's; `other.pem` has not; `chat_cert.pem` is a
    /// client's.
    certificates: String,
    mode: &'static str,
    authority: &'static str,
    certificate: &'static str,
    key: &'static str,
}

impl Tls {
    async fn postgres() -> Option<Self> {
        let words = ["sslmode", "sslrootcert", "sslcert", "sslkey"];
        let tls = Self::at("CHAT_TEST_POSTGRES_TLS_URL", words)?;
        let roles = "DO $$ BEGIN CREATE ROLE chat_cert LOGIN SUPERUSER; \
             CREATE ROLE chat_password LOGIN SUPERUSER PASSWORD 'right'; \
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";
        Database::at(tls.url.clone()).execute(&[roles]).await;
        Some(tls)
    }

    async fn mariadb() -> Option<Self> {
        let tls = Self::at("CHAT_TEST_MYSQL_TLS_URL", ["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key"])?;
        let users = [
            "CREATE USER IF NOT EXISTS chat_cert REQUIRE X509",
            "GRANT ALL ON *.* TO chat_cert",
            "CREATE USER IF NOT EXISTS chat_password IDENTIFIED BY 'right'",
            "GRANT ALL ON *.* TO chat_password",
        ];
        Database::at(tls.url.clone()).execute(&users).await;
        Some(tls)
    }

    /// `None` if the databases are given, since those have no such server.
    fn at(variable: &str, [mode, authority, certificate, key]: [&'static str; 4]) -> Option<Self> {
        let Ok(url) = env::var(variable) else {
            assert!(env::var_os("CHAT_TEST_POSTGRES_URL").is_some(), "{variable} is not set: run `cargo xtask test`");
            return None;
        };
        let certificates = env::var("CHAT_TEST_CERTIFICATES").unwrap();
        Some(Self { url, certificates, mode, authority, certificate, key })
    }

    /// A new database, reached with these parameters.
    async fn with(&self, user: Option<&str>, host: &str, parameters: &str) -> Database {
        let name = format!("chat_test_{}", uuid::Uuid::new_v4().simple());
        Database::at(self.url.clone()).execute(&[&format!("CREATE DATABASE {name}")]).await;
        let (server, _) = self.url.rsplit_once('/').unwrap();
        let (start, address) = server.rsplit_once('@').unwrap();
        let start = match user {
            Some(user) => format!("{}://{user}", start.split_once("://").unwrap().0),
            None => start.to_owned(),
        };
        let address = address.replace("localhost", host);
        Database::at(format!("{start}@{address}/{name}?{parameters}"))
    }

    fn trusting(&self, mode: &str, authority: &str) -> String {
        format!("{}={mode}&{}={}/{authority}.pem", self.mode, self.authority, self.certificates)
    }
}

async fn works(database: &Database) {
    let server = Server::start(database).await;
    let room = server.room("general").await;
    assert_eq!(server.say(room, "Alice", "one").await, 1, "{}", database.url());
    server.stop().await;
}

async fn refuses(database: &Database, code: i32, says: &str) {
    let (status, said) = Server::fail(database).await;
    assert_eq!(status.code(), Some(code), "{}: {said}", database.url());
    assert!(said.contains(says) && !said.contains("timed out"), "it does not say {says:?}: {said}");
}

/// The cases for both databases, which have different names for the modes.
async fn whom_it_trusts(tls: &Tls, [full, authority, any, none]: [&str; 4]) {
    works(&tls.with(None, "localhost", &tls.trusting(full, "ca")).await).await;
    works(&tls.with(None, "127.0.0.1", &tls.trusting(authority, "ca")).await).await;
    works(&tls.with(None, "127.0.0.1", &format!("{}={any}", tls.mode)).await).await;
    works(&tls.with(None, "127.0.0.1", &format!("{}={none}", tls.mode)).await).await;
    let wrong_name = tls.with(None, "127.0.0.1", &tls.trusting(full, "ca")).await;
    refuses(&wrong_name, UNAVAILABLE, "certificate not valid for name").await;
    for mode in [full, authority] {
        let wrong_authority = tls.with(None, "localhost", &tls.trusting(mode, "other")).await;
        refuses(&wrong_authority, UNAVAILABLE, "invalid peer certificate").await;
        let known_to_nobody = tls.with(None, "localhost", &format!("{}={mode}", tls.mode)).await;
        refuses(&known_to_nobody, UNAVAILABLE, "invalid peer certificate").await;
    }
    let no_such_file = tls.with(None, "localhost", &tls.trusting(full, "missing")).await;
    refuses(&no_such_file, UNAVAILABLE, "No such file").await;
    refuses(&tls.with(None, "localhost", &format!("{}=nonsense", tls.mode)).await, BAD_URL, "nonsense").await;
    refuses(&tls.with(None, "localhost", &format!("sslmod={full}")).await, BAD_URL, "sslmod").await;
    who_it_is(tls, full).await;
}

/// One user authenticates by a certificate, another by a password.
async fn who_it_is(tls: &Tls, full: &str) {
    let named = format!(
        "{}&{}={3}/chat_cert.pem&{}={3}/chat_cert.key",
        tls.trusting(full, "ca"),
        tls.certificate,
        tls.key,
        tls.certificates
    );
    works(&tls.with(Some("chat_cert"), "localhost", &named).await).await;
    let nameless = tls.with(Some("chat_cert"), "localhost", &tls.trusting(full, "ca")).await;
    refuses(&nameless, UNAVAILABLE, "on localhost:").await;
    let trusting = tls.trusting(full, "ca");
    works(&tls.with(Some("chat_password:right"), "localhost", &trusting).await).await;
    let wrong = tls.with(Some("chat_password:WRONG"), "localhost", &trusting).await;
    refuses(&wrong, UNAVAILABLE, "on localhost:").await;
    let (_, said) = Server::fail(&wrong).await;
    assert!(said.contains("chat_password") && !said.contains("WRONG"), "{said}");
}

#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn postgres_is_reached_with_the_right_certificate_only() {
    let Some(tls) = Tls::postgres().await else { return };
    whom_it_trusts(&tls, ["verify-full", "verify-ca", "require", "disable"]).await;
}

#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn mariadb_is_reached_with_the_right_certificate_only() {
    let Some(tls) = Tls::mariadb().await else { return };
    whom_it_trusts(&tls, ["VERIFY_IDENTITY", "VERIFY_CA", "REQUIRED", "DISABLED"]).await;
}

/// The servers of the other tests have no TLS.
#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    for (database, mode) in
        [(Database::postgres().await, "sslmode=require"), (Database::mariadb().await, "ssl-mode=REQUIRED")]
    {
        let asking = Database::at(format!("{}?{mode}", database.url()));
        refuses(&asking, UNAVAILABLE, "does not support TLS").await;
    }
}
