//! 50 of 1,000 clients stop reading: what they cost, and what the other clients notice.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::crowd::{self, Ears};
use crate::server::{Result, Server};

const CLIENTS: usize = 1_000;
const STUCK: usize = 50;
/// The length of a message, in characters.
const TEXT: usize = 3_900;
const EVERY: Duration = Duration::from_millis(100);
/// How many messages each part of the measurement sends: more than a session's queue and the buffers below it hold.
const MESSAGES: usize = 450;
/// The receive buffer of a client that will stop reading.
const BUFFER: u32 = 8 << 10;
/// The goals: how much slower the others may be served, and what a client that stops reading may cost, in MiB.
const GOAL: (f64, f64) = (1.2, 1.5);

/// What all clients share.
#[derive(Debug)]
struct Crowd {
    address: SocketAddr,
    start: Instant,
    /// The delay from each send to each client that reads.
    delays: Mutex<Vec<Duration>>,
    here: AtomicUsize,
    /// Whether the clients that are to stop reading have stopped.
    is_stuck: AtomicBool,
    /// Clients that stopped reading and later found their socket closed.
    cut: AtomicUsize,
}

pub(super) async fn run(program: &Path, folder: &Path) -> Result<String> {
    let mut server = crowd::server(program, folder, "slow").await?;
    let address = server.launch().address;
    crowd::make_rooms(address, 1).await?;
    let crowd = Arc::new(Crowd {
        address,
        start: Instant::now(),
        delays: Mutex::default(),
        here: AtomicUsize::new(0),
        is_stuck: AtomicBool::new(false),
        cut: AtomicUsize::new(0),
    });
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(crowd.clone(), number));
    }
    let all = async {
        while crowd.here.load(Ordering::Relaxed) < CLIENTS {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(60), all).await.map_err(|_| "not all clients get in")?;

    // A first round is not counted: buffers grow and caches fill.
    send_messages(&crowd, &server, "warm", 50).await?;
    crowd.delays.lock().await.clear();
    let (mut without, before) = send_messages(&crowd, &server, "before", MESSAGES).await?;
    crowd.is_stuck.store(true, Ordering::Relaxed);
    let (with, most) = send_messages(&crowd, &server, "with", MESSAGES).await?;
    crowd.is_stuck.store(false, Ordering::Relaxed);
    let all_cut = async {
        while crowd.cut.load(Ordering::Relaxed) < STUCK {
            sleep(Duration::from_millis(50)).await;
        }
    };
    // If some are not, the report says so.
    drop(timeout(Duration::from_secs(10), all_cut).await);
    // The speed of the machine varies, so the runs without such clients are before and after the one with them.
    without.extend(send_messages(&crowd, &server, "after", MESSAGES).await?.0);
    without.sort_unstable();
    let report = report(&crowd, &without, &with, most - before);
    clients.shutdown().await;
    server.stop().await?;
    report
}

/// Sends many messages; returns the delays to all clients that read, and the most memory that the server used.
async fn send_messages(crowd: &Crowd, server: &Server, word: &str, messages: usize) -> Result<(Vec<Duration>, f64)> {
    let mut most = 0.0_f64;
    let mut at = Instant::now();
    for number in 0..messages {
        let content = format!("{}.{}", crowd.start.elapsed().as_micros(), "x".repeat(TEXT));
        if !crowd::send(crowd.address, 1, &format!("{word}-{number}"), &content).await {
            return Err("a message was refused".into());
        }
        most = most.max(crowd::memory_of(server));
        at += EVERY;
        sleep_until(at).await;
    }
    let mut delays = std::mem::take(&mut *crowd.delays.lock().await);
    delays.sort_unstable();
    Ok((delays, most))
}

fn report(crowd: &Crowd, without: &[Duration], with: &[Duration], grown: f64) -> Result<String> {
    let millis = |delays, share| crowd::quantile(delays, share).as_secs_f64() * 1_000.0;
    let ratio = millis(with, 0.99) / millis(without, 0.99);
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let each = grown.max(0.0) / STUCK as f64;
    let cut = crowd.cut.load(Ordering::Relaxed);
    let text = format!(
        "Slow readers: {STUCK} of {CLIENTS} in one room stop reading, 10 messages of 4 KB a second\n\n  \
           from send to the others, median        {:>8.2} ms, without them {:.2} ms\n  \
                            99 of 100    {:>8.2} ms, without them {:.2} ms\n  \
           the 99 of 100 are slower by            {ratio:>8.2}\n  \
           what each of them cost at most         {each:>8.2} MiB\n  \
           of them cut                            {cut:>8}\n",
        millis(with, 0.5),
        millis(without, 0.5),
        millis(with, 0.99),
        millis(without, 0.99),
    );
    if cut < STUCK {
        return Err(format!("{text}\nsome that stopped reading were never cut").into());
    }
    if ratio > GOAL.0 || each > GOAL.1 {
        return Err(format!("{text}\nthe goal is a factor of {} and {} MiB", GOAL.0, GOAL.1).into());
    }
    Ok(text)
}

async fn client(crowd: Arc<Crowd>, number: usize) {
    let is_to_be_stuck = number < STUCK;
    let buffer = is_to_be_stuck.then_some(BUFFER);
    let path = format!("/ws/chat/1?username=User{number}");
    let Some(mut ears) = Ears::open(crowd.address, &path, buffer).await else { return };
    crowd.here.fetch_add(1, Ordering::Relaxed);
    loop {
        if is_to_be_stuck && crowd.is_stuck.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(100)).await;
            continue;
        }
        let Some(frame) = ears.next().await else { break };
        let heard = crowd.start.elapsed();
        let stamp = frame.content.as_deref().and_then(|content| content.split_once('.')?.0.parse().ok());
        if let Some(sent) = stamp.filter(|_| !is_to_be_stuck && frame.kind == "message") {
            crowd.delays.lock().await.push(heard.saturating_sub(Duration::from_micros(sent)));
        }
    }
    if is_to_be_stuck {
        crowd.cut.fetch_add(1, Ordering::Relaxed);
    }
}
