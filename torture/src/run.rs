//! One run: a server, its users and its nemesis; then what everybody saw is judged.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use histcheck::history::{Phase, Record};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    dump::dump,
    final_reading,
    nemesis::{self, Deed, Fault, Stage},
    recorder::{Name, Recorder},
    rng::Rng,
    server::{Launch, Result, Server, free_address},
    workload::{self, Act, Crew, Knobs, Left, World},
};

/// What a run is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server's program.
    pub program: PathBuf,
    /// The seed.
    pub seed: u64,
    /// How long the nemesis is at work.
    pub time: Duration,
    /// How long it is quiet after that.
    pub quiet: Duration,
    /// What it may do.
    pub faults: Vec<Fault>,
    /// The bug that the server is to have.
    pub bug: Option<String>,
    /// Who uses the server.
    pub crew: Crew,
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What was done.
    pub deeds: Vec<Deed>,
    /// How often the server was started.
    pub starts: usize,
    /// How often it was killed.
    pub kills: usize,
    /// What is wrong besides what the history shows.
    pub complaints: Vec<String>,
    /// What the history shows.
    pub judged: histcheck::Report,
    /// Where history and log are kept; `None`: nothing is wrong, and they are gone.
    pub kept: Option<PathBuf>,
    /// How long the judge took.
    pub judging: Duration,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.complaints.is_empty() && self.judged.is_clean()
    }
}

/// Does a run.
///
/// # Errors
/// The torture itself does not work: there is no server to start, nothing to write to.
pub async fn run(options: Options) -> Result<Report> {
    let folder = Folder::new(options.seed)?;
    let mut rng = Rng::of(options.seed ^ u64::from(std::process::id()), "machine");
    let variables = options.bug.iter().map(|bug| ("CHATD_TORTURE_BUG".to_owned(), bug.clone())).collect();
    let launch = Launch {
        program: options.program.clone(),
        database: format!("sqlite://{}/chat.db?mode=rwc", folder.path.display()),
        address: free_address(&mut rng)?,
        log: folder.path.join("server.log"),
        variables,
    };
    let database = launch.database.clone();
    let mut server = Server::new(launch);
    server.start().await?;
    let world = world(&server, &options).await?;
    let stage = Arc::new(Stage { server: Mutex::new(server), world });

    let mut complaints = Vec::new();
    let clients = workload::begin(&stage.world, options.crew);
    let end = Instant::now() + options.time;
    let deeds = nemesis::haunt(&stage, nemesis::schedule(options.seed, &options.faults), end).await;
    let clients = wind_down(&stage, clients, &options, &mut complaints).await?;
    stage.world.recorder.phase(Phase::Final);
    complaints.extend(final_reading::read(&stage.world, clients).await);
    final_reading::presence(&stage.world).await;

    let mut server = stage.server.lock().await;
    if let Err(error) = server.stop().await {
        complaints.push(error.to_string());
    }
    let recorder = &stage.world.recorder;
    for stored in dump(&database).await? {
        recorder.push(recorder.of_the_run(stored));
    }
    complaints.extend(panics(&folder.path.join("server.log"))?);
    let records = recorder.take();
    let began = std::time::Instant::now();
    let judged = histcheck::check(&records);
    let judging = began.elapsed();
    let (starts, kills) = (server.starts, server.kills);
    let mut report = Report { seed: options.seed, deeds, starts, kills, complaints, judged, kept: None, judging };
    if !report.is_clean() {
        report.kept = Some(folder.keep(&records, &report)?);
    }
    Ok(report)
}

async fn world(server: &Server, options: &Options) -> Result<World> {
    let address = server.launch().address;
    let recorder = Arc::new(Recorder::new());
    let knobs = Arc::new(Knobs::new());
    let mut world = World { address, recorder, rooms: Arc::new([]), knobs, seed: options.seed };
    let rest = world.rest(&Name::own("host"));
    let mut rooms = Vec::new();
    for number in 0..options.crew.rooms {
        rooms.push(rest.make_room(&format!("room {number}")).await.ok_or("a room cannot be made")?);
    }
    world.rooms = rooms.into();
    Ok(world)
}

/// All faults are over: everybody finishes, hears everything, and leaves.
async fn wind_down(
    stage: &Arc<Stage>,
    mut clients: JoinSet<Left>,
    options: &Options,
    complaints: &mut Vec<String>,
) -> Result<Vec<Left>> {
    let mut server = stage.server.lock().await;
    if let Some(status) = server.has_ended()? {
        complaints.push(format!("the server ended by itself: {status}"));
    }
    if !server.is_up() {
        server.start().await?;
    }
    drop(server);
    let World { recorder, knobs, .. } = &stage.world;
    recorder.phase(Phase::Healed);
    // Life goes on for a moment, so that whoever hears nothing any more is found.
    sleep(LIFE_GOES_ON).await;
    knobs.act.send_replace(Act::Settle);
    let settled = timeout(TO_SETTLE, knobs.under_way.subscribe().wait_for(|count| *count == 0)).await.is_ok();
    if !settled {
        complaints.push(format!("{} things are still under way", *knobs.under_way.borrow()));
    }
    sleep(options.quiet).await;
    final_reading::presence(&stage.world).await;
    recorder.phase(Phase::Quiet);
    knobs.act.send_replace(Act::Leave);
    let mut left = Vec::new();
    while let Ok(Some(done)) = timeout(TO_SETTLE, clients.join_next()).await {
        match done {
            Ok(client) => left.push(client),
            Err(error) => complaints.push(format!("a client broke: {error}")),
        }
    }
    if !clients.is_empty() {
        complaints.push(format!("{} clients cannot leave", clients.len()));
    }
    // The order in which they end is chance.
    left.sort_by(|a, b| a.name.process.cmp(&b.name.process));
    Ok(left)
}

/// The panics in the server's log.
fn panics(log: &Path) -> Result<Vec<String>> {
    let log = fs::read(log)?;
    let log = String::from_utf8_lossy(&log);
    Ok(log.lines().filter(|line| line.contains("panicked at")).map(|line| format!("in the log: {line}")).collect())
}

/// The folder of a run, which goes with it unless it is kept.
struct Folder {
    path: PathBuf,
    is_kept: bool,
}

impl Folder {
    fn new(seed: u64) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("chat-torture-{}-{seed}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path)?;
        Ok(Self { path, is_kept: false })
    }

    fn keep(mut self, records: &[Record], report: &Report) -> Result<PathBuf> {
        self.is_kept = true;
        let mut history = BufWriter::new(File::create(self.path.join("history.jsonl"))?);
        for record in records {
            histcheck::write(&mut history, record)?;
        }
        history.flush()?;
        fs::write(self.path.join("summary.txt"), report.to_string())?;
        Ok(self.path.clone())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed is in the machine's folder for such things.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

const LIFE_GOES_ON: Duration = Duration::from_secs(2);
const TO_SETTLE: Duration = Duration::from_secs(45);
