//! The network to some clients: it vanishes, and neither end is told.

use std::time::Duration;

use histcheck::history::Outcome;
use tokio::time::{Instant, sleep, timeout};

use super::Stage;
use crate::{
    client::{
        door::Door,
        socket::{Seen, Socket},
        stream::{Opened, Stream},
    },
    recorder::Name,
    server::Result,
    workload::World,
};

/// In the busiest and in the quietest room, a socket and an event stream lose their network. The history tells until when they
/// are shown; `histcheck` calls them ghosts if that is too long.
pub(super) async fn network_vanishes(stage: &Stage) -> Result<String> {
    let (world, network) = (&stage.world, stage.network.as_ref().map_err(Clone::clone)?);
    let (busy, quiet) = (world.rooms[0], world.rooms[world.rooms.len() - 1]);
    let since = world.recorder.now();
    let door = |kind: &str, room| {
        let name = Name::own(&format!("vanishing-{kind}-{room}-{since}"));
        Door { network: Some(network.clone()), ..world.door(&name) }
    };
    let opened = async {
        let sockets = [socket(&door("socket", busy), busy).await?, socket(&door("socket", quiet), quiet).await?];
        let streams = [stream(&door("stream", busy), busy).await?, stream(&door("stream", quiet), quiet).await?];
        Result::Ok((sockets, streams))
    };
    let (sockets, streams) = timeout(TIMEOUT, opened).await??;
    network.vanish(true).await?;
    sockets.iter().for_each(Socket::network_vanished);
    streams.iter().for_each(|stream| stream.network_vanished());
    let shown = until_gone(world, [busy, quiet], &format!("-{since}")).await;
    // They end first, so that nothing that they send in the end comes through.
    drop((sockets, streams));
    network.vanish(false).await?;
    Ok(match shown {
        Some(time) => format!("4 clients vanished, and were offline {:.1} s later", time.as_secs_f64()),
        None => format!("4 clients vanished, and some were online {} s later", WATCHED.as_secs()),
    })
}

/// How long they were shown, those whose names end so; `None`: some still are.
async fn until_gone(world: &World, rooms: [u64; 2], ending: &str) -> Option<Duration> {
    let rest = world.rest(&Name::own("witness"));
    let began = Instant::now();
    loop {
        // What is seen later is judged.
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

/// A socket, once it is attached.
async fn socket(door: &Door, room: u64) -> Result<Socket> {
    let mut socket = Socket::open_room(door, room, None).await.ok_or("a socket cannot be opened")?;
    while !is_attached(&socket.next().await)? {}
    Ok(socket)
}

/// An event stream, once it is attached.
async fn stream(door: &Door, room: u64) -> Result<Box<Stream>> {
    let Opened::Stream(mut stream) = Stream::open(door, room, None).await else {
        return Err("an event stream cannot be opened".into());
    };
    while !is_attached(&stream.next().await)? {}
    Ok(stream)
}

/// Whether this is the answer to an attach.
fn is_attached(seen: &Seen) -> Result<bool> {
    match seen {
        Seen::Attached(_, Outcome::Ok(_)) => Ok(true),
        Seen::Attached(_, Outcome::Refused(code)) => Err(format!("an attach was refused: {code}").into()),
        Seen::Attached(_, Outcome::Unknown) | Seen::Closed(_) => Err("the connection was closed".into()),
        Seen::Sent(..) | Seen::Detached(..) | Seen::Event(..) | Seen::Other => Ok(false),
    }
}

/// How long it is watched: after 45 s it is the server's mistake that somebody is still shown.
const WATCHED: Duration = Duration::from_secs(46);
const TIMEOUT: Duration = Duration::from_secs(10);
