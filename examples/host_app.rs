//! Chat in an app that was there before, with the app's own login and in the app's own database.
//! `cargo run --example host_app`, then `curl -c jar -X POST localhost:8000/login/Ada`, and `curl -b jar` with
//! `localhost:8000/chat/api/chat/rooms` (`--json '{"name": "general"}'`), `…/rooms/1/messages`, `-N …/rooms/1/events`.
#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::env;

use async_trait::async_trait;
use chat_core::{ChatEngine, Error, Identity, StartError};
use chat_http::{Api, Authenticated, Authenticator, api};
use poem::{
    EndpointExt, Request, Response, Result, Route, Server, error::InternalServerError, get, handler, http::StatusCode,
    listener::TcpAcceptor, post, web::Data, web::Path,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};

// ---- all there is of chat ----
struct Login(Accounts);

#[async_trait]
impl Authenticator for Login {
    async fn authenticate(&self, request: &Request) -> Result<Authenticated, Error> {
        match self.0.of(request).await.map_err(|_| Error::Unavailable)? {
            Some(account) => Ok(Identity::new(&account.id.to_string(), &account.name)?.into()),
            None => Ok(Authenticated::anonymous()),
        }
    }
}

async fn chat(accounts: Accounts) -> Result<Api, StartError> {
    let engine = ChatEngine::builder().database(accounts.0.clone()).build().await?;
    Ok(api(engine, Login(accounts)))
}
// ---- the app as it was; its `main` mounts the above ----

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args().skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let url = args.next().unwrap_or_else(|| "sqlite://app.db?mode=rwc".to_owned());
    let accounts = Accounts::open(&url).await?;
    let app = Route::new()
        .at("/", get(front_page))
        .at("/login/:name", post(log_in))
        .nest("/chat", chat(accounts.clone()).await?)
        .data(accounts);
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    Server::new_with_acceptor(TcpAcceptor::from_tokio(listener)?).run(app).await?;
    Ok(())
}

/// Who has an account, and which browser is whose.
#[derive(Clone)]
struct Accounts(DatabaseConnection);

struct Account {
    id: i64,
    name: String,
}

impl Accounts {
    async fn open(url: &str) -> Result<Self, DbErr> {
        let database = sea_orm::Database::connect(url).await?;
        let table =
            "CREATE TABLE IF NOT EXISTS accounts (id INTEGER PRIMARY KEY, name TEXT NOT NULL, cookie TEXT UNIQUE)";
        database.execute_unprepared(table).await?;
        Ok(Self(database))
    }

    /// A new account; the cookie that shows it. (Yours asks for a password.)
    async fn create(&self, name: &str) -> Result<String, DbErr> {
        let cookie = uuid::Uuid::new_v4().to_string();
        let insert = "INSERT INTO accounts (name, cookie) VALUES ($1, $2)";
        self.0.execute_raw(self.statement(insert, [name, &cookie])).await?;
        Ok(cookie)
    }

    /// Whose browser a request comes from.
    async fn of(&self, request: &Request) -> Result<Option<Account>, DbErr> {
        let cookies = request.header("cookie").unwrap_or_default();
        let Some(cookie) = cookies.split("; ").find_map(|pair| pair.strip_prefix("login=")) else { return Ok(None) };
        let select = self.statement("SELECT id, name FROM accounts WHERE cookie = $1", [cookie]);
        let Some(row) = self.0.query_one_raw(select).await? else { return Ok(None) };
        Ok(Some(Account { id: row.try_get("", "id")?, name: row.try_get("", "name")? }))
    }

    fn statement<const N: usize>(&self, sql: &str, values: [&str; N]) -> Statement {
        Statement::from_sql_and_values(self.0.get_database_backend(), sql, values.map(Into::into))
    }
}

#[handler]
async fn front_page(request: &Request, Data(accounts): Data<&Accounts>) -> Result<String> {
    let account = accounts.of(request).await.map_err(InternalServerError)?;
    Ok(account.map_or_else(|| "Who are you?".to_owned(), |account| format!("Hello, {}!", account.name)))
}

#[handler]
async fn log_in(Path(name): Path<String>, Data(accounts): Data<&Accounts>) -> Result<Response> {
    let cookie = accounts.create(&name).await.map_err(InternalServerError)?;
    let cookie = format!("login={cookie}; Path=/; HttpOnly; SameSite=Lax");
    Ok(Response::builder().status(StatusCode::NO_CONTENT).header("set-cookie", cookie).finish())
}
