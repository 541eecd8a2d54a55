//! The shop: a host with the engine in its own process; see `torture::shop`.

// What a server is told by the torture this program is told, too.
#[cfg(failpoints)]
#[path = "../../../src/failpoints.rs"]
mod failpoints;

use std::{fs, net::SocketAddr, path::PathBuf};

use chat_core::ChatEngine;
use chat_http::{FeedToken, Guests, JwtAuthenticator, JwtKeys, Several, serve, site};
use clap::Parser;
use sea_orm::Database;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use torture::{
    server::Result,
    shop::{DESKS, Desk, make_tables},
};

/// A host that writes rows of its own with its messages, to be tortured in the place of the server.
#[derive(Debug, Parser)]
struct Options {
    /// The database.
    #[arg(long)]
    database_url: String,
    /// The address to listen on.
    #[arg(long)]
    listen: SocketAddr,
    /// The file with the secret of the tokens.
    #[arg(long, env = "CHATD_JWT_HS256_FILE")]
    secret: PathBuf,
    /// The file with the token of the feed.
    #[arg(long, env = "CHATD_FEED_TOKEN_FILE")]
    feed_token: PathBuf,
}

#[tokio::main]
async fn main() -> Result {
    let options = Options::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    #[cfg(failpoints)]
    failpoints::arm()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let keys = JwtKeys::default().and_hs256(&fs::read(&options.secret)?)?;
    let url = &options.database_url;
    let database = Database::connect(url).await?;
    let engine = ChatEngine::builder().database(database.clone()).build().await?;
    make_tables(&database).await?;
    database.close().await?;
    for name in DESKS {
        tokio::spawn(Desk::new(name, url, engine.clone()).await?.run());
    }
    let listener = TcpListener::bind(options.listen).await?;
    let feed = FeedToken::new(&fs::read_to_string(&options.feed_token)?)?;
    let site = site(engine, Several::new(JwtAuthenticator::new(keys)).or(Guests)).feed_token(feed);
    let stop = async move {
        terminate.recv().await;
    };
    serve(listener, site, stop).await;
    Ok(())
}
