//! `cargo xtask torture`: breaks a server in many ways while clients use it, and judges what they saw.
#![expect(clippy::print_stdout, reason = "it tells on standard output what it does")]

use std::{ops::Range, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use chat_core::mutations::Bug;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use torture::{
    database::Kind,
    fault::network::{Inside, Network},
    format::counted,
    load_tests,
    mutation_check::{look_for, shop_beside},
    nemesis::{Fault, Vanishing},
    run::{Options, all_faults, run},
    server::Result,
    summary::Tally,
    workload::ClientCounts,
};

/// Break a server in many ways while clients use it, and judge what they saw.
#[derive(Debug, Parser)]
#[command(name = "torture", bin_name = "cargo xtask torture", override_usage = "cargo xtask torture [OPTIONS]")]
#[command(after_help = SUPPLIED)]
struct Arguments {
    /// The server to torture: chatd, built with `CHAT_FAILPOINTS=1`. Supplied by `cargo xtask torture`.
    #[arg(long, value_name = "PROGRAM")]
    server: PathBuf,

    /// The seed of the faults and of the clients' choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Run many seeds, one after the other: `0..50` are 50 seeds.
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    seeds: Option<Range<u64>>,

    /// How long the faults of each run last.
    #[arg(long, default_value_t = 20)]
    seconds: u64,

    /// How long to be quiet after that: long enough for lost users to go offline, and for typing to expire.
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    quiet: u64,

    /// The database: sqlite, postgres or mariadb.
    #[arg(long, default_value_t = Kind::Sqlite, value_parser = kind)]
    database: Kind,

    /// Torture a host in the place of the server: a shop that writes a row of its own with each of its messages, in one transaction.
    #[arg(long)]
    shop: bool,

    /// The faults, separated by commas. The default is all that are possible.
    #[arg(long, value_delimiter = ',', value_parser = fault)]
    faults: Vec<Fault>,

    /// Inject this bug into the server; `--list` names the bugs.
    #[arg(long)]
    bug: Option<String>,

    /// Inject one bug after the other (or only `--bug`), and say how each is found.
    #[arg(long, alias = "judge")]
    mutation_check: bool,

    /// Measure instead how much crowds cost, and how fast they come back: a storm of 10,000 sockets, slow readers.
    #[arg(long, alias = "figures")]
    load_tests: bool,

    /// List the faults and the bugs, and what each does.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (network, _inside) = vanishing(&arguments);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(torture(arguments, &network)));
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

impl Arguments {
    const fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    fn faults(&self) -> Vec<Fault> {
        if self.faults.is_empty() { all_faults(self.database, self.time()) } else { self.faults.clone() }
    }

    /// Whether runs are asked for, and not a list or a measurement.
    const fn has_runs(&self) -> bool {
        !self.list && !self.mutation_check && !self.load_tests
    }
}

/// The network that may vanish, if it is asked for. This thread and all that it starts are on the server's side of it,
/// as long as the returned value lives.
fn vanishing(arguments: &Arguments) -> (Vanishing, Option<Inside>) {
    let fault = Fault::NetworkVanishes;
    if !arguments.has_runs() || !arguments.faults().contains(&fault) || !fault.concerns(arguments.database) {
        return (Err("it was not asked for".to_owned()), None);
    }
    let make = || -> Result<(Arc<Network>, Inside)> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let network = runtime.block_on(Network::make())?;
        let inside = network.enter()?;
        Ok((Arc::new(network), inside))
    };
    match make() {
        Ok((network, inside)) => (Ok(network), Some(inside)),
        Err(error) => (Err(error.to_string()), None),
    }
}

async fn torture(arguments: Arguments, network: &Vanishing) -> Result<bool> {
    if arguments.list {
        print!("{}", list());
        return Ok(true);
    }
    let work = async {
        if arguments.load_tests {
            println!("{}", load_tests::run(&arguments.server).await?);
            return Ok(true);
        }
        if arguments.mutation_check { mutation_check(&arguments).await } else { runs(&arguments, network).await }
    };
    // Processes, disks and files that were created are removed when they are dropped.
    tokio::select! {
        done = work => done,
        interrupted = stop_signal() => {
            interrupted?;
            Err("interrupted".into())
        }
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn stop_signal() -> Result {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Runs one seed after the other.
async fn runs(arguments: &Arguments, network: &Vanishing) -> Result<bool> {
    let faults = arguments.faults();
    if faults.is_empty() {
        return Err("the time is too short for any fault: use at least 16 seconds".into());
    }
    let mut tally = Tally::default();
    for seed in arguments.seeds.clone().unwrap_or(arguments.seed..arguments.seed + 1) {
        let options = Options {
            program: if arguments.shop { shop_beside(&arguments.server) } else { arguments.server.clone() },
            is_shop: arguments.shop,
            seed,
            time: arguments.time(),
            quiet: Duration::from_secs(arguments.quiet),
            database: arguments.database,
            faults: faults.clone(),
            network: network.clone(),
            bug: arguments.bug.clone(),
            counts: ClientCounts::default(),
            keeps_files: true,
            shows_progress: true,
        };
        let report = run(options).await?;
        println!("{report}");
        tally.add(&report);
    }
    println!("{tally}");
    Ok(tally.is_clean())
}

/// Checks one bug after the other.
async fn mutation_check(arguments: &Arguments) -> Result<bool> {
    let bugs = Bug::ALL.iter().copied().filter(|bug| arguments.bug.as_ref().is_none_or(|name| name == bug.name()));
    let (mut caught, mut all) = (0_usize, 0_usize);
    for bug in bugs {
        let result = look_for(bug, arguments.server.clone(), ClientCounts::default(), true).await?;
        println!("{result}");
        all += 1;
        caught += usize::from(result.is_caught());
    }
    println!("{caught} of {} caught", counted(all, "injected bug"));
    Ok(all > 0 && caught == all)
}

fn seeds(text: &str) -> std::result::Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("write it as 0..50")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    Ok(number(from)?..number(to)?)
}

fn kind(name: &str) -> std::result::Result<Kind, String> {
    Kind::named(name).ok_or_else(|| "use sqlite, postgres or mariadb".to_owned())
}

fn fault(name: &str) -> std::result::Result<Fault, String> {
    Fault::named(name).ok_or_else(|| format!("there is no such fault; there are {}", names()))
}

/// The faults and the bugs, a line each.
fn list() -> String {
    let only = |fault: Fault| match (fault.concerns(Kind::Sqlite), fault.concerns(Kind::Postgres)) {
        (true, false) => " (sqlite)",
        (false, true) => " (postgres, mariadb)",
        _ => "",
    };
    let faults = Fault::ALL.map(|fault| format!("  {:32} {}{}\n", fault.name(), fault.about(), only(fault))).concat();
    let bugs: String = Bug::ALL.iter().map(|bug| format!("  {:32} {}\n", bug.name(), bug.about())).collect();
    format!("faults, for --faults:\n{faults}\nbugs that can be injected, for --bug and --mutation-check:\n{bugs}")
}

/// What `cargo xtask torture` does before this program runs.
const SUPPLIED: &str = "\
`cargo xtask torture` builds the server so that it can be told to fail (with --load-tests the release build), and supplies --server unless
it is given. For --database postgres or mariadb, and for --mutation-check, it also installs and starts the databases, and supplies
CHAT_TEST_POSTGRES_URL, CHAT_TEST_MYSQL_URL and the commands that restart them; your own are used where both are set.

Ends with 0 when nothing is wrong, 1 when something is, 2 when the torture itself does not work.";

fn names() -> String {
    Fault::ALL.map(Fault::name).join(", ")
}
