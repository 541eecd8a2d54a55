//! The ready-made chat server: configuration, engine, serve.

mod access;
mod accounts;
mod archive;
mod erase;
#[cfg(failpoints)]
mod failpoints;
mod failure;
mod key_file;
mod listen;
mod log;
mod metrics;
mod opening;
mod private_file;
mod progress;
mod revoke;
mod signals;
mod text_keys;
mod tls;
mod webhooks;

use std::{
    future::pending,
    io::Write,
    net::SocketAddr,
    panic,
    path::PathBuf,
    process::{self, ExitCode},
    sync::OnceLock,
    time::Duration,
};

use chat_core::{Builder, ChatEngine, Database, Erase, KeepDays, Limits};
use chat_http::{BadOrigin, HostName, Origin, Site, serve_when_made, site};
use clap::{Args, Parser, Subcommand};
use tokio::{net::TcpListener, sync::oneshot, time::timeout};

use access::{Access, AccessOptions};
use failure::Failure;
use listen::ListenAddress;
use opening::opened;
use signals::Signals;
use text_keys::TextOptions;
use webhooks::WebhookOptions;

/// A chat server: rooms over REST and WebSocket, kept in your own database.
#[derive(Debug, Parser)]
#[command(name = "chatd", version, after_help = EXIT_CODES)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,

    /// The database for rooms and messages: sqlite://FILE?mode=rwc, postgres://… or mysql://…; the default is the file
    /// chat.db in the working folder, created if it does not exist.
    #[arg(
        long,
        env = "CHATD_DATABASE_URL",
        value_name = "URL",
        global = true,
        default_value = "sqlite://chat.db?mode=rwc",
        hide_env_values = true
    )]
    database_url: String,

    #[command(flatten)]
    texts: TextOptions,

    /// The address and port to listen on, or a name and a port, such as localhost:8080. An address
    /// that other machines can reach needs TLS, or --insecure.
    #[arg(long, env = "CHATD_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: ListenAddress,

    #[command(flatten)]
    tls: tls::TlsOptions,

    /// The URL where people reach this server, such as `https://chat.example`, if it is behind a TLS proxy or has another name.
    #[arg(long, env = "CHATD_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    public_url: Option<Origin>,

    /// A host name to serve, such as chat.example, besides loopback names, IP addresses and the host of the public URL; may be
    /// repeated (in the environment: separated by commas).
    #[arg(long = "allowed-host", env = "CHATD_ALLOWED_HOSTS", value_name = "HOST", value_delimiter = ',')]
    allowed_hosts: Vec<HostName>,

    /// Another web origin, such as `https://chat.example`, whose pages may use this server; may be repeated (in the
    /// environment: separated by commas).
    #[arg(long = "allowed-origin", env = "CHATD_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    allowed_origins: Vec<Origin>,

    /// A separate address that serves metrics for Prometheus at /metrics; off by default. Only your monitoring should reach it.
    #[arg(long, env = "CHATD_METRICS_LISTEN", value_name = "ADDRESS")]
    metrics_listen: Option<ListenAddress>,

    #[command(flatten)]
    engine: EngineOptions,

    /// The format of the log, which goes to standard error; RUST_LOG chooses what is logged.
    #[arg(long, env = "CHATD_LOG_FORMAT", value_name = "FORMAT", default_value = "text", global = true)]
    log_format: log::Format,

    #[command(flatten)]
    access: AccessOptions,

    #[command(flatten)]
    webhooks: WebhookOptions,
}

/// What the server's engine is told.
#[derive(Debug, Args)]
struct EngineOptions {
    /// How many connections the server opens to its database for rooms and messages; the default is 10, and 7 to a file of SQLite.
    #[arg(long, env = "CHATD_DATABASE_CONNECTIONS", value_name = "COUNT")]
    database_connections: Option<u32>,

    /// Keep messages for this many days, in every room; what is older is deleted for good. The default is to keep them for ever.
    #[arg(long, env = "CHATD_RETAIN_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    retain_days: Option<u32>,

    /// Take away the limits on how fast users and addresses may do things, and on sessions per user and connections per address.
    #[arg(long, env = "CHATD_NO_LIMITS")]
    no_limits: bool,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
enum Command {
    /// Give the database a new epoch, so that every client reads its rooms again. Run it after you restored an older copy,
    /// while the server is stopped.
    NewEpoch,

    /// Write rooms with everything in them to standard output or a file, as lines of JSON (docs/export.md). Run it while the
    /// server is stopped.
    Export {
        /// The rooms' names or numbers; without any, all rooms.
        #[arg(value_name = "ROOM")]
        rooms: Vec<String>,
        /// The file to write, instead of standard output. It gets this name when it is complete.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },

    /// Make new rooms of what `export` has written: all of the file, or nothing. Run it while the server is stopped.
    Import {
        /// The file to read, instead of standard input.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Another name for the room, if the file has one.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },

    /// Erase a user for good: in all rooms, an id that is nobody's and the name `Deleted user` stand in their place. What others
    /// wrote stays. Run it while the server is stopped. If it is interrupted, run it again, or start the server, which goes on
    /// with it.
    #[command(group(clap::ArgGroup::new("mode").required(true)))]
    EraseUser {
        /// The user's id; that of a guest is the name.
        user: String,
        /// Keep the user's messages.
        #[arg(long, group = "mode")]
        anonymise: bool,
        /// Delete the user's messages.
        #[arg(long, group = "mode")]
        redact: bool,
    },

    /// Make a file of new keys, by which texts are encrypted in a database (--text-keys).
    NewKeys {
        /// The file to make.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },

    /// Encrypt all texts in the database by a new key, put it into the file of --text-keys, and remove the one before from it.
    /// Run it while the server is stopped. If it is interrupted, both keys are in the file: start the server, which goes on with
    /// it, or run it again.
    RotateKeys,

    /// Take a user's access away: every token that was issued to them until now is refused, the logins of their account end, and
    /// so does whatever they have open, within 5 s. Run it while the server runs or while it is stopped.
    RevokeTokens {
        /// The user's id.
        user: String,
    },

    /// Chat in this terminal, as a client of a running server. It reconnects by itself when the connection is lost.
    #[command(help_template = TERMINAL_HELP)]
    Terminal {
        /// The server's address, such as `http://127.0.0.1:8080`.
        #[arg(value_name = "URL")]
        server: String,
        /// A room's name or number; if no room has this name, it is created.
        room: String,
        /// The name to chat under.
        name: String,
    },
}

/// How long a command may take to stop.
const PATIENCE: Duration = Duration::from_secs(1);

/// The help without the options of the server, which have no meaning for a client.
const TERMINAL_HELP: &str =
    "{about}\n\n{usage-heading} chatd terminal <URL> <ROOM> <NAME>\n\nArguments:\n{positionals}";

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or stopped by SIGTERM or SIGINT (Ctrl-C); a second signal stops at once with 130
  1  `terminal`: the server cannot be reached, or says to stay away
  2  the command line, the database URL or the certificate is wrong
  3  another process uses the database, or took it over
  4  the database cannot be opened or reached
  5  the database holds something else, or needs a newer version, or the keys of its texts
  6  the server cannot listen on an address
  7  `export`, `import`: the file cannot be read, written or used; nothing was imported
130  `export`, `import`: a signal came first; nothing was written or imported";

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    log::start(options.log_format);
    if let Some(Command::Terminal { server, room, name }) = &options.command {
        return terminal(server, room, name).await;
    }
    match done(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!(exit.code = failure.code, "{}", failure.text);
            ExitCode::from(failure.code)
        }
    }
}

/// Does what the command line says.
async fn done(mut options: Options) -> Result<(), Failure> {
    let database = |options: &Options| options.texts.database(Database::existing(&options.database_url));
    match options.command.take() {
        None | Some(Command::Terminal { .. }) => run(options).await,
        Some(Command::NewEpoch) => new_epoch(database(&options)?).await,
        Some(Command::Export { rooms, output }) => {
            unless_stopped(archive::export(database(&options)?, rooms, output)).await
        }
        Some(Command::Import { file, name }) => {
            arm()?;
            let database = options.texts.database(options.database_url)?;
            unless_stopped(archive::import(database, file, name)).await
        }
        Some(Command::EraseUser { user, redact, .. }) => {
            arm()?;
            let mode = if redact { Erase::Redact } else { Erase::Anonymise };
            erase::erase_user(database(&options)?, &options.database_url, &user, mode).await
        }
        Some(Command::RevokeTokens { user }) => revoke::revoke_tokens(&options.database_url, &user).await,
        Some(Command::NewKeys { file }) => text_keys::make(&file),
        Some(Command::RotateKeys) => {
            arm()?;
            let Options { texts, database_url, .. } = options;
            unless_stopped(async move { texts.rotate(database_url).await }).await
        }
    }
}

async fn run(options: Options) -> Result<(), Failure> {
    let Options {
        database_url,
        texts,
        listen,
        tls,
        public_url,
        allowed_hosts,
        allowed_origins,
        metrics_listen,
        engine: chosen,
        access,
        webhooks,
        ..
    } = options;
    arm()?;
    // The addresses come first, since checking whether they are free is cheaper than opening the database.
    let (listener, address) = listen_on(&listen).await?;
    let metrics = match metrics_listen {
        Some(listen) => Some(listen_on(&listen).await?),
        None => None,
    };
    tls.check(address, metrics.as_ref().map(|(_, address)| *address)).map_err(wrong)?;
    let access = Access::of(access, address).map_err(wrong)?;
    let webhooks = webhooks.webhooks().map_err(wrong)?;
    let listener = tls.listener(listener).map_err(wrong)?.trust(access.trusted_proxies().iter().copied());
    // The recorder comes before the engine, which gets its metrics when it is built.
    metrics.map_or(Ok(()), serve_metrics)?;
    let database = texts.database(database_url.as_str())?;
    let (started, engine) = oneshot::channel();
    let opened = OnceLock::new();
    let made = async {
        let engine = chosen.start(database).await?;
        access.check_ids(&engine).await.map_err(wrong)?;
        let accounts = access.accounts.open(&database_url, &engine).await?;
        access.reload_on_hangup();
        if access.has_guests() {
            tracing::warn!("guests may come: anyone can use any name; for trusted networks only");
        }
        let scheme = tls.scheme();
        tracing::info!(%address, "listening on {scheme}://{address}");
        say_where(scheme, address, public_url.as_ref(), access.has_guests());
        if let Some(accounts) = &accounts {
            let url = public_url.as_ref().map_or_else(|| format!("{scheme}://{address}"), Origin::to_string);
            access.accounts.say_setup(accounts, &url)?;
        }
        let site = site(engine.clone(), access.authenticator(accounts.clone()));
        let site = accounts.clone().into_iter().fold(site, Site::accounts);
        let site = access.feed_token().into_iter().fold(site, Site::feed_token);
        let site = site.allow_hosts(allowed_hosts).allow_origins(allowed_origins);
        webhooks::start(webhooks, &engine);
        // Who waits for it may have been told to stop.
        drop(started.send(engine));
        drop(opened.set(accounts));
        Ok(public_url.into_iter().fold(site, Site::public_url))
    };
    let mut reason = None;
    // From the first request on, a signal stops the server gracefully, so signals are registered before.
    let stop = told_to_stop(Signals::new(), engine, &mut reason);
    serve_when_made(listener, made, stop).await?;
    if let Some(accounts) = opened.into_inner().flatten() {
        accounts.close().await;
    }
    tracing::info!("stopped");
    reason.map_or(Ok(()), Err)
}

/// Waits for a signal, or until another process has taken the database over, which is the reason then. One more signal stops at once.
async fn told_to_stop(mut signals: Signals, engine: oneshot::Receiver<ChatEngine>, reason: &mut Option<Failure>) {
    tokio::select! {
        signal = signals.next() => tracing::info!("{signal}: closing connections; once more stops at once"),
        failure = lease_lost(engine) => *reason = Some(failure),
    }
    tokio::spawn(async move {
        signals.next().await;
        process::exit(130);
    });
}

fn serve_metrics((listener, address): (TcpListener, SocketAddr)) -> Result<(), Failure> {
    metrics::start(listener).map_err(|error| Failure::new(1, error.to_string()))?;
    tracing::info!(%address, "metrics are served at /metrics");
    Ok(())
}

impl EngineOptions {
    async fn start(self, database: Database) -> Result<ChatEngine, Failure> {
        let limits = if self.no_limits { Limits::default() } else { Limits::for_strangers() };
        let builder = ChatEngine::builder().database(database).limits(limits);
        let builder = self.database_connections.into_iter().fold(builder, Builder::connections);
        let builder = self.retain_days.into_iter().fold(builder, |builder, days| builder.retention(KeepDays(days)));
        builder.build().await.map_err(|error| Failure::of_start(&error))
    }
}

/// Waits until another process has taken the database over.
async fn lease_lost(engine: oneshot::Receiver<ChatEngine>) -> Failure {
    match engine.await {
        Ok(engine) => engine.lease_lost().await,
        // There is no engine, and there will be none.
        Err(_) => pending().await,
    }
    Failure { code: 3, text: "another process took the database over; stopping".to_owned() }
}

/// Prepares the failures that this process is told to have; only in builds for tests.
fn arm() -> Result<(), Failure> {
    #[cfg(failpoints)]
    failpoints::arm().map_err(|text| Failure::new(Failure::COMMAND_LINE, text))?;
    Ok(())
}

/// Does a work, unless a signal comes before it is done: then it is dropped. Once more stops at once, as in [`run`].
async fn unless_stopped(work: impl Future<Output = Result<(), Failure>> + Send + 'static) -> Result<(), Failure> {
    let mut signals = Signals::new();
    let mut work = tokio::spawn(work);
    let signal = tokio::select! {
        done = &mut work => return done.unwrap_or_else(|error| panic::resume_unwind(error.into_panic())),
        signal = signals.next() => signal,
    };
    tokio::spawn(async move {
        signals.next().await;
        process::exit(130);
    });
    work.abort();
    let failure = Failure::new(Failure::INTERRUPTED, format!("{signal}: stopped before it was done"));
    // What it leaves in files goes with it.
    if timeout(PATIENCE, work).await.is_err() {
        // It waits for its input or output: nothing else ends that.
        tracing::error!(exit.code = failure.code, "{}", failure.text);
        process::exit(failure.code.into());
    }
    Err(failure)
}

async fn new_epoch(database: Database) -> Result<(), Failure> {
    // An older version's tables are migrated.
    let (before, now) = opened(database.new_epoch()).await?;
    // The epoch has changed, even if nobody reads this.
    drop(std::io::stdout().write_all(format!("the epoch was {before}\nthe epoch is  {now}\n").as_bytes()));
    Ok(())
}

/// Runs the terminal client. It reports to people in plain words, not in lines of a log.
async fn terminal(server: &str, room: &str, name: &str) -> ExitCode {
    let Err(error) = chat_terminal::run(server, room, name).await else { return ExitCode::SUCCESS };
    drop(writeln!(std::io::stderr(), "error: {error}"));
    ExitCode::from(if matches!(error, chat_terminal::Error::BadAddress(_)) { 2 } else { 1 })
}

fn wrong(text: String) -> Failure {
    Failure::new(Failure::COMMAND_LINE, text)
}

async fn listen_on(address: &ListenAddress) -> Result<(TcpListener, SocketAddr), Failure> {
    let cannot_listen = |error| Failure { code: 6, text: format!("cannot listen on {address}: {error}") };
    let listener = address.bind().await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    Ok((listener, address))
}

/// Parses an origin. A slash at the end is accepted, since many people write a URL with one.
fn public_url(text: &str) -> Result<Origin, BadOrigin> {
    text.strip_suffix('/').unwrap_or(text).parse()
}

/// Prints on standard output where the server is: its address, and the URL where people reach it if it has another. The
/// log goes to standard error.
fn say_where(scheme: &str, address: SocketAddr, public: Option<&Origin>, has_guests: bool) {
    let (as_guest, whose) = if has_guests {
        ("?username=…", "Guests may come: anyone who can reach this address can use any name. For trusted networks.\n")
    } else {
        ("", "")
    };
    let local = format!("{scheme}://{address}");
    let url = public.map_or_else(|| local.clone(), Origin::to_string);
    let reached = if url == local { String::new() } else { format!("  for people     {url}\n") };
    let socket = url.replacen("http", "ws", 1);
    let text = format!(
        "Chat server on {local}\n{reached}  \
         documentation  {url}/docs\n  \
         a room, live   {socket}/ws/chat/{{room_id}}{as_guest}\n\
         {whose}"
    );
    // The server runs even if nobody can read this.
    drop(std::io::stdout().write_all(text.as_bytes()));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn flags_stand_before_and_after_a_command() {
        for line in [&["chatd", "new-epoch", "--database-url", "x"][..], &["chatd", "--database-url", "x", "new-epoch"]]
        {
            let options = Options::try_parse_from(line).unwrap();
            assert!(matches!(options.command, Some(Command::NewEpoch)) && options.database_url == "x", "{line:?}");
        }
        let options = Options::try_parse_from(["chatd", "--database-url", "x", "--listen", "127.0.0.1:1"]).unwrap();
        assert!(options.command.is_none() && options.database_url == "x");
        assert!(Options::try_parse_from(["chatd", "old-epoch"]).is_err());
    }

    #[test]
    fn a_user_is_erased_in_one_way() {
        let read = |line: &str| Options::try_parse_from(["chatd", "erase-user"].into_iter().chain(line.split(' ')));
        let options = read("alice --redact").unwrap();
        let Some(Command::EraseUser { user, redact, anonymise }) = options.command else { panic!("another command") };
        assert_eq!((user.as_str(), redact, anonymise), ("alice", true, false));
        for wrong in ["alice", "--redact", "alice --redact --anonymise"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn urls_and_hosts_are_read() {
        let read = |arguments: &[&str]| Options::try_parse_from(["chatd"].iter().chain(arguments));
        let options =
            read(&["--public-url", "https://chat.example/", "--allowed-host", "a.example,b.example"]).unwrap();
        assert_eq!(options.public_url.unwrap().to_string(), "https://chat.example");
        assert_eq!(options.allowed_hosts.len(), 2);
        for (flag, value) in
            [("--public-url", "chat.example"), ("--public-url", "https://a/b"), ("--allowed-host", "*")]
        {
            assert!(read(&[flag, value]).is_err(), "{flag} {value}");
        }
    }

    #[test]
    fn every_option_is_explained() {
        let command = Options::command();
        for argument in command.get_arguments().filter(|argument| argument.get_id() != "help") {
            assert!(argument.get_help().is_some() || argument.get_id() == "version", "{}", argument.get_id());
        }
        for command in command.get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
        }
    }
}
