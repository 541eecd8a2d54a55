//! 10,000 sockets lose their server at once, and come back as the web page's client does.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Mutex, Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::crowd::{self, Ears, Frame};
use crate::{
    rng::Rng,
    server::{Result, Server},
};

const SOCKETS: u64 = 10_000;
const ROOMS: u64 = 100;
/// How long it may take until every client is back and has received everything.
const GOAL: Duration = Duration::from_secs(30);

/// What all sockets of the crowd share.
#[derive(Debug)]
struct Crowd {
    address: SocketAddr,
    /// How many have received everything up to their room's head since the last loss.
    here: watch::Sender<u64>,
    /// When each came back.
    returned: Mutex<Vec<Instant>>,
    /// Attempts that failed.
    failures: AtomicUsize,
    /// What the server did wrong.
    wrong: Mutex<Vec<String>>,
    /// Limits how many connect at once the first time.
    door: Semaphore,
}

pub(super) async fn run(program: &Path, folder: &Path) -> Result<String> {
    let mut server = crowd::server(program, folder, "storm").await?;
    let address = server.launch().address;
    crowd::make_rooms(address, ROOMS).await?;
    let crowd = Arc::new(Crowd {
        address,
        here: watch::Sender::new(0),
        returned: Mutex::default(),
        failures: AtomicUsize::new(0),
        wrong: Mutex::default(),
        door: Semaphore::new(200),
    });
    let mut connections = JoinSet::new();
    for number in 0..SOCKETS {
        connections.spawn(connection(crowd.clone(), number));
    }
    wait_for_all(&crowd, Duration::from_secs(120)).await?;
    let memory = crowd::memory_of(&server);
    send_messages(&server, "before").await?;

    crowd.failures.store(0, Ordering::Relaxed);
    crowd.returned.lock().await.clear();
    crowd.here.send_replace(0);
    let lost = Instant::now();
    server.kill().await?;
    server.start().await?;
    // Meanwhile other people send, so there is a new message in each room while the clients come back.
    send_messages(&server, "meanwhile").await?;
    wait_for_all(&crowd, Duration::from_secs(120)).await?;
    let report = report(&crowd, lost, memory).await;
    connections.shutdown().await;
    server.stop().await?;
    report
}

async fn wait_for_all(crowd: &Crowd, time_limit: Duration) -> Result {
    let mut here = crowd.here.subscribe();
    let all = timeout(time_limit, here.wait_for(|here| *here >= SOCKETS)).await;
    match all {
        Ok(_) => Ok(()),
        Err(_) => {
            Err(format!("after {} s {} of {SOCKETS} are there", time_limit.as_secs(), *crowd.here.borrow()).into())
        }
    }
}

/// Sends a message in every room.
async fn send_messages(server: &Server, word: &str) -> Result {
    for room in 1..=ROOMS {
        for number in 0..5 {
            let sent = crowd::send(server.launch().address, room, &format!("{word}-{number}"), word).await;
            if !sent {
                return Err(format!("no message can be sent in room {room}").into());
            }
        }
    }
    Ok(())
}

async fn report(crowd: &Crowd, lost: Instant, memory: f64) -> Result<String> {
    let mut times: Vec<_> = crowd.returned.lock().await.iter().map(|at| at.duration_since(lost)).collect();
    times.sort_unstable();
    let after = |share| crowd::quantile(&times, share).as_secs_f64();
    let wrong = crowd.wrong.lock().await;
    let text = format!(
        "A storm: {SOCKETS} sockets in {ROOMS} rooms lose their server (kill -9), which is started again at once\n\n  \
           the first is back and caught up after  {:>8.2} s\n  \
           half of them after                     {:>8.2} s\n  \
           99 of 100 after                        {:>8.2} s\n  \
           all after                              {:>8.2} s\n  \
           tries that came to nothing             {:>8}\n  \
           holes, doubles and resyncs             {:>8}\n  \
           memory of the server with all of them  {memory:>8.1} MiB\n",
        after(0.0),
        after(0.5),
        after(0.99),
        after(1.0),
        crowd.failures.load(Ordering::Relaxed),
        wrong.len(),
    );
    if let Some(first) = wrong.first() {
        return Err(format!("{text}\nsomebody saw what must not be: {first}").into());
    }
    if times.last().is_none_or(|last| *last > GOAL) {
        return Err(format!("{text}\nthe goal is {} s", GOAL.as_secs()).into());
    }
    Ok(text)
}

/// One client, which reconnects for ever.
async fn connection(crowd: Arc<Crowd>, number: u64) {
    let mut rng = Rng::of(number, "storm");
    let mut known = None;
    let mut failures = 0;
    loop {
        match visit(&crowd, number, &mut known, &mut failures).await {
            Ok(()) => {}
            Err(wrong) => crowd.wrong.lock().await.push(wrong),
        }
        // The back-off of the web page's client: exponential with full jitter, from half a second to 30 s.
        let most = (500_u64 << failures.min(6)).min(30_000);
        failures += 1;
        sleep(rng.millis(0, most)).await;
    }
}

/// Handles one connection from its opening to its end. An error says what the server did wrong.
async fn visit(
    crowd: &Crowd,
    number: u64,
    known: &mut Option<(String, u64)>,
    failures: &mut u32,
) -> std::result::Result<(), String> {
    let room = 1 + number % ROOMS;
    let mut path = format!("/ws/chat/{room}?username=User{number}");
    if let Some((epoch, seq)) = &*known {
        path += &format!("&after={seq}&epoch={epoch}");
    }
    let permit = if known.is_none() { crowd.door.acquire().await.ok() } else { None };
    let first = match Ears::open(crowd.address, &path, None).await {
        Some(mut ears) => ears.next().await.map(|frame| (ears, frame)),
        None => None,
    };
    drop(permit);
    let Some((mut ears, Frame { kind, head, epoch, events, .. })) = first else {
        crowd.failures.fetch_add(1, Ordering::Relaxed);
        return Ok(());
    };
    let (Some(head), Some(epoch), "attached") = (head, epoch, kind.as_str()) else {
        return Err(format!("{path} is answered with {kind}"));
    };
    let after = known.as_ref().map_or(head, |(_, seq)| *seq);
    if !events.iter().map(|event| event.seq).eq(after + 1..=head) {
        return Err(format!("{path} is not answered with {}..={head}", after + 1));
    }
    *failures = 0;
    let seq = &mut known.insert((epoch, head)).1;
    crowd.returned.lock().await.push(Instant::now());
    crowd.here.send_modify(|here| *here += 1);
    while let Some(frame) = ears.next().await {
        let Some(next) = frame.seq else { continue };
        if next != *seq + 1 {
            return Err(format!("{next} comes after {seq} at User{number}"));
        }
        *seq = next;
    }
    Ok(())
}
