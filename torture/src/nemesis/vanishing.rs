//! The network to some clients vanishes, and neither end is told.

use std::time::Duration;

use histcheck::history::Outcome;
use tokio::time::{Instant, sleep, timeout};

use super::Stage;
use crate::{
    client::{
        endpoint::Endpoint,
        socket::{Seen, Socket},
        stream::{Opened, Stream},
    },
    recorder::Name,
    server::Result,
    workload::World,
};

/// In the busiest and in the quietest room, a socket and an event stream lose their network. The history shows until
/// when they are listed as online; `histcheck` reports them as ghosts if that is too long.
pub(super) async fn network_vanishes(stage: &Stage) -> Result<String> {
    let (world, network) = (&stage.world, stage.network.as_ref().map_err(Clone::clone)?);
    let (busy, quiet) = (world.rooms[0], world.rooms[world.rooms.len() - 1]);
    let since = world.recorder.now();
    let endpoint = |kind: &str, room| {
        let name = Name::own(&format!("vanishing-{kind}-{room}-{since}"));
        Endpoint { network: Some(network.clone()), ..world.endpoint(&name) }
    };
    let opened = async {
        let sockets =
            [socket(&endpoint("socket", busy), busy).await?, socket(&endpoint("socket", quiet), quiet).await?];
        let streams =
            [stream(&endpoint("stream", busy), busy).await?, stream(&endpoint("stream", quiet), quiet).await?];
        Result::Ok((sockets, streams))
    };
    let (sockets, streams) = timeout(TIMEOUT, opened).await??;
    network.vanish(true).await?;
    sockets.iter().for_each(Socket::network_vanished);
    streams.iter().for_each(|stream| stream.network_vanished());
    let shown = until_gone(world, [busy, quiet], &format!("-{since}")).await;
    // They are dropped before the network returns, so that nothing of their end reaches the server.
    drop((sockets, streams));
    network.vanish(false).await?;
    Ok(match shown {
        Some(time) => format!("4 clients vanished, and were offline {:.1} s later", time.as_secs_f64()),
        None => format!("4 clients vanished, and some were online {} s later", WATCHED.as_secs()),
    })
}

/// How long the clients with this ending of their names stayed listed; `None`: some still are.
async fn until_gone(world: &World, rooms: [u64; 2], ending: &str) -> Option<Duration> {
    let rest = world.rest(&Name::own("witness"));
    let began = Instant::now();
    loop {
        // The checker judges what is seen later.
        let is_last = began.elapsed() > WATCHED;
        let mut are_gone = true;
        for room in rooms {
            let shown = rest.presence(room).await;
            are_gone &= matches!(shown, Outcome::Ok(users) if users.iter().all(|user| !user.ends_with(ending)));
        }
        if are_gone {
            return Some(began.elapsed());
        }
        if is_last {
            return None;
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Opens a socket, and waits until it is attached.
async fn socket(endpoint: &Endpoint, room: u64) -> Result<Socket> {
    let mut socket = Socket::open_room(endpoint, room, None).await.ok_or("a socket cannot be opened")?;
    while !is_attached(&socket.next().await)? {}
    Ok(socket)
}

/// Opens an event stream, and waits until it is attached.
async fn stream(endpoint: &Endpoint, room: u64) -> Result<Box<Stream>> {
    let Opened::Stream(mut stream) = Stream::open(endpoint, room, None).await else {
        return Err("an event stream cannot be opened".into());
    };
    while !is_attached(&stream.next().await)? {}
    Ok(stream)
}

/// Whether this is a positive answer to an attach.
fn is_attached(seen: &Seen) -> Result<bool> {
    match seen {
        Seen::Attached(_, Outcome::Ok(_)) => Ok(true),
        Seen::Attached(_, Outcome::Refused(code)) => Err(format!("an attach was refused: {code}").into()),
        Seen::Attached(_, Outcome::Unknown) | Seen::Closed(_) => Err("the connection was closed".into()),
        Seen::Answered(..)
        | Seen::Detached(..)
        | Seen::Watched(..)
        | Seen::PutOut(_)
        | Seen::Event(..)
        | Seen::Other => Ok(false),
    }
}

/// How long presence is watched. After 45 s a client that is still listed is a defect.
const WATCHED: Duration = Duration::from_secs(46);
const TIMEOUT: Duration = Duration::from_secs(10);
