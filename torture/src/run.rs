//! One run: a server, its clients and its faults. Then the checker judges what all clients saw.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{BufWriter, Write},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chat_core::mutations::Bug;
use histcheck::history::{Member, Phase, Record, Role, RoomKind, Terms, What};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    client::token,
    database::{Database, Kind},
    dump::dump,
    fault::network::Network,
    final_reads,
    format::counted,
    nemesis::{self, Fault, InjectedFault, Stage, Vanishing},
    progress::Progress,
    recorder::{Name, Recorder},
    rng::Rng,
    server::{Launch, Result, Server, free_address},
    shop,
    workload::{self, ClientCounts, Controls, FinalState, Mode, World, keeper},
};

/// The options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's program.
    pub program: PathBuf,
    /// Whether that is the [shop], and not the server itself.
    pub is_shop: bool,
    /// The seed.
    pub seed: u64,
    /// How long faults are injected.
    pub time: Duration,
    /// How long the run stays quiet after that.
    pub quiet: Duration,
    /// The database.
    pub database: Kind,
    /// The faults that may be injected; see [`all_faults`].
    pub faults: Vec<Fault>,
    /// The network that may vanish.
    pub network: Vanishing,
    /// The bug that is injected into the server.
    pub bug: Option<String>,
    /// How many clients of each role there are.
    pub counts: ClientCounts,
    /// Whether the history and the log are kept if something is wrong.
    pub keeps_files: bool,
    /// Whether the progress is shown on standard error.
    pub shows_progress: bool,
}

/// The report of a run.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The faults that were injected.
    pub injected: Vec<InjectedFault>,
    /// The faults that were not possible, and why.
    pub skipped: Vec<(Fault, String)>,
    /// How often the server was started.
    pub starts: usize,
    /// How often it was killed.
    pub kills: usize,
    /// What is wrong besides what the history shows.
    pub complaints: Vec<String>,
    /// What the checker found in the history.
    pub findings: histcheck::Report,
    /// Where the history and the log are kept; `None`: nothing is wrong, and they are removed.
    pub kept: Option<PathBuf>,
    /// How long the checker took.
    pub check_time: Duration,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.complaints.is_empty() && self.findings.is_clean()
    }
}

/// Does one run.
///
/// # Errors
/// The torture itself does not work: for example, the server cannot be started, or the folder cannot be written to.
pub async fn run(options: Options) -> Result<Report> {
    let mut folder = Folder::new(options.seed)?;
    let asked: Vec<Fault> = options.faults.iter().copied().filter(|fault| fault.concerns(options.database)).collect();
    // Every second run that fills the disk uses a small disk; in the others the shim reports that the disk is full.
    let on_small_disk = asked.contains(&Fault::DiskFull) && options.seed.is_multiple_of(2);
    let database = Database::new(options.database, &folder.data(), on_small_disk).await?;
    let (faults, skipped) = possible(asked, &database, &options.network);
    if let Ok(shim) = &database.shim {
        shim.record(faults.contains(&Fault::PowerCut))?;
        shim.leave_commits_unsynced(options.bug.as_deref() == Some(Bug::SynchronousNormal.name()))?;
    }
    let mut server = Server::new(launch(&options, &database, &folder)?);
    server.start().await?;
    let world = world(&server, &options).await?;
    let _progress = options.shows_progress.then(|| progress(&options, &world));
    let complaints = std::sync::Mutex::default();
    let network = options.network.clone();
    let is_shop = options.is_shop;
    let mut stage = Stage { server: Mutex::new(server), is_shop, database, network, world, complaints };

    let clients = workload::begin(&stage.world, options.counts);
    let end = Instant::now() + options.time;
    let injected = nemesis::inject_all(&stage, nemesis::schedule(options.seed, &faults), end).await;
    let clients = wind_down(&stage, clients, &options).await?;
    for complaint in final_reads::read(&stage.world, clients).await {
        stage.complain(complaint);
    }
    final_reads::presence(&stage.world).await;
    let recorder = stage.world.recorder.clone();
    let (starts, kills) = dump_all(&mut stage).await?;
    let mut complaints = stage.complaints.into_inner().unwrap_or_else(PoisonError::into_inner);
    complaints.extend(panics(&folder.path.join("server.log"))?);

    let records = recorder.take();
    let began = Instant::now();
    let findings = histcheck::check(&records);
    let check_time = began.elapsed();
    let mut report =
        Report { seed: options.seed, injected, skipped, starts, kills, complaints, findings, kept: None, check_time };
    if options.keeps_files && !report.is_clean() {
        folder.keep(&records, &mut report)?;
    }
    Ok(report)
}

fn progress(options: &Options, world: &World) -> Progress {
    let bug = options.bug.as_ref().map(|bug| format!("{bug}, ")).unwrap_or_default();
    let takes = options.time + KEEP_WORKING + options.quiet.max(SHORTEST_QUIET);
    Progress::begin(format!("{bug}seed {}", options.seed), takes, world.recorder.clone())
}

/// All faults that exist with this database and fit into this time.
#[must_use]
pub fn all_faults(database: Kind, time: Duration) -> Vec<Fault> {
    let fits = |fault: &Fault| fault.is_survived() && fault.concerns(database) && fault.takes() * 2 <= time;
    Fault::ALL.into_iter().filter(fits).collect()
}

/// The faults that are possible here, and why the others are not.
fn possible(asked: Vec<Fault>, database: &Database, network: &Vanishing) -> (Vec<Fault>, Vec<(Fault, String)>) {
    let (mut possible, mut skipped) = (Vec::new(), Vec::new());
    for fault in asked {
        match fault.lacks(database, network) {
            None => possible.push(fault),
            Some(why) => skipped.push((fault, why)),
        }
    }
    (possible, skipped)
}

fn launch(options: &Options, database: &Database, Folder { path: folder, run, .. }: &Folder) -> Result<Launch> {
    let mut rng = Rng::of(options.seed ^ u64::from(std::process::id()) ^ (run << 32), "machine");
    let mut variables: Vec<(String, OsString)> = Vec::new();
    variables.extend(options.bug.iter().map(|bug| ("CHATD_INJECTED_BUG".to_owned(), bug.into())));
    let secret = folder.join("secret");
    fs::write(&secret, token::SECRET)?;
    variables.push(("CHATD_JWT_HS256_FILE".to_owned(), secret.into()));
    let feed = folder.join("feed");
    fs::write(&feed, token::FEED)?;
    variables.push(("CHATD_FEED_TOKEN_FILE".to_owned(), feed.into()));
    let host = options.network.as_ref().map_or(Ipv4Addr::LOCALHOST.into(), |_| Network::NEAR);
    if let Ok(shim) = &database.shim {
        variables.extend(shim.environment().map(|(name, value)| (name.to_owned(), value)));
    }
    Ok(Launch {
        program: options.program.clone(),
        database: database.through.clone(),
        address: free_address(host, &mut rng)?,
        log: folder.join("server.log"),
        variables,
    })
}

/// Stops the server, and reads its database without it; returns how often the server was started, and killed.
async fn dump_all(stage: &mut Stage) -> Result<(usize, usize)> {
    let mut server = stage.server.lock().await;
    if let Err(error) = server.stop().await {
        stage.complain(error.to_string());
        server.kill().await?;
    }
    let counts = (server.starts, server.kills);
    drop(server);
    if let Some(damage) = stage.database.damage().await? {
        stage.complain(format!("the database is damaged: {damage}"));
    }
    let recorder = &stage.world.recorder;
    for stored in dump(&stage.database.direct).await? {
        recorder.push(recorder.of_the_run(stored));
    }
    if stage.is_shop {
        let (records, complaints) = shop::committed(&stage.database.direct, recorder.now()).await?;
        records.into_iter().for_each(|record| recorder.push(record));
        complaints.into_iter().for_each(|complaint| stage.complain(complaint));
    }
    stage.database.remove().await?;
    Ok(counts)
}

async fn world(server: &Server, options: &Options) -> Result<World> {
    let address = server.launch().address;
    let recorder = Arc::new(Recorder::new());
    let controls = Arc::new(Controls::new());
    let (rooms, owned, board): (Arc<[u64]>, _, _) = (Arc::new([]), Arc::new([]), Arc::default());
    let mut world = World { address, recorder, rooms, owned, first: 0, board, controls, seed: options.seed };
    let rest = world.rest(&Name::own("host"));
    let mut rooms = Vec::new();
    for number in 0..options.counts.rooms {
        let room = rest.make_room(&format!("room {number}")).await.ok_or("a room cannot be made")?;
        made(&world, room, RoomKind::Public, None);
        rooms.push(room);
    }
    world.rooms = rooms.into();
    let owner = keeper::owner();
    let rest = world.rest(&owner);
    let mut owned = Vec::new();
    for number in 0..options.counts.owned_rooms {
        let kind = if number % 2 == 0 { RoomKind::Public } else { RoomKind::Private };
        let room = rest.make_own_room(&format!("owned room {number}"), kind).await.ok_or("a room cannot be made")?;
        made(&world, room, kind, Some(&owner.user));
        owned.push(room);
    }
    world.owned = owned.into();
    Ok(world)
}

/// Records that a room was made.
fn made(world: &World, room: u64, kind: RoomKind, owner: Option<&str>) {
    let terms = Terms { kind, ..Terms::PUBLIC };
    let members = owner.map(|user| Member { user: user.to_owned(), role: Role::Owner }).into_iter().collect();
    let what = What::Made { room, owned: owner.is_some(), terms, members };
    world.recorder.push(world.recorder.of_the_run(what));
}

/// After the faults all clients finish, receive everything, and leave.
async fn wind_down(stage: &Stage, mut clients: JoinSet<FinalState>, options: &Options) -> Result<Vec<FinalState>> {
    if let Err(error) = nemesis::ensure_running(stage).await {
        stage.complain(error.to_string());
    }
    let World { recorder, controls, .. } = &stage.world;
    recorder.phase(Phase::Healed);
    // The clients work on for a moment, so that a subscriber that receives nothing any more is found.
    sleep(KEEP_WORKING).await;
    controls.mode.send_replace(Mode::Settle);
    // With a bug some messages may never be stored, so waiting long for them is useless.
    let time_limit = if options.bug.is_some() { TO_SETTLE / 5 } else { TO_SETTLE };
    let settled = timeout(time_limit, controls.under_way.subscribe().wait_for(|count| *count == 0)).await.is_ok();
    if !settled {
        stage.complain(format!("still under way: {}", counted(*controls.under_way.borrow(), "command")));
    }
    if stage.is_shop
        && let Err(error) = shop::close(&stage.database.direct, time_limit).await
    {
        stage.complain(error.to_string());
    }
    recorder.phase(Phase::Quiet);
    sleep(options.quiet.max(SHORTEST_QUIET)).await;
    final_reads::presence(&stage.world).await;
    recorder.phase(Phase::Final);
    controls.mode.send_replace(Mode::Leave);
    let mut left = Vec::new();
    while let Ok(Some(done)) = timeout(TO_SETTLE, clients.join_next()).await {
        match done {
            Ok(client) => left.push(client),
            Err(error) => stage.complain(format!("a client broke: {error}")),
        }
    }
    if !clients.is_empty() {
        stage.complain(format!("{} cannot leave", counted(clients.len(), "client")));
    }
    // Clients end in any order.
    left.sort_by(|a, b| a.name.process.cmp(&b.name.process));
    Ok(left)
}

/// The panics in the server's log.
fn panics(log: &Path) -> Result<Vec<String>> {
    let log = fs::read(log)?;
    let log = String::from_utf8_lossy(&log);
    Ok(log.lines().filter(|line| line.contains("panicked at")).map(|line| format!("in the log: {line}")).collect())
}

/// The folder of a run. Dropping it removes the folder, unless it is kept.
struct Folder {
    path: PathBuf,
    run: u64,
    is_kept: bool,
}

impl Folder {
    fn new(seed: u64) -> Result<Self> {
        // Several may run at once in one process.
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("chat-torture-{}-{seed}-{run}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        let folder = Self { path, run, is_kept: false };
        fs::create_dir_all(folder.data())?;
        Ok(folder)
    }

    /// The folder of the database. What is done to its disk does not affect the log.
    fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    fn keep(&mut self, records: &[Record], report: &mut Report) -> Result {
        self.is_kept = true;
        let mut history = BufWriter::new(File::create(self.path.join("history.jsonl"))?);
        for record in records {
            histcheck::write(&mut history, record)?;
        }
        history.flush()?;
        report.kept = Some(self.path.clone());
        Ok(fs::write(self.path.join("summary.txt"), report.to_string())?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed is in the system's folder for temporary files.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

/// Every subscription has to reach the head within this time.
const SHORTEST_QUIET: Duration = Duration::from_secs(2);
const KEEP_WORKING: Duration = Duration::from_secs(2);
const TO_SETTLE: Duration = Duration::from_secs(45);
