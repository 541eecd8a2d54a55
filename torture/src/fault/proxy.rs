//! A proxy between a server and its database, or between clients and a server. It loses what it is told to lose.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::{Either, select};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};

/// A proxy in front of one address. It forwards everything until it is told otherwise. Dropping it cuts all
/// connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What is lost of a `COMMIT`. The connection is cut with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lose {
    /// The command: nothing is stored.
    Request,
    /// The answer: everything is stored, but the client is not told.
    Answer,
}

/// What has been counted so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that are open.
    pub open: usize,
    /// The most connections that were open at once.
    pub most_open: usize,
    /// All connections that were opened.
    pub opened: usize,
    /// Commits that were lost.
    pub lost_commits: usize,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    orders: watch::Sender<Orders>,
    counts: watch::Sender<Counts>,
}

#[derive(Debug, Default)]
struct Orders {
    refuses: bool,
    stalls: bool,
    delay: Duration,
    /// How often all connections were cut.
    cuts: usize,
    lose: Option<Loss>,
}

/// Commits that are to be lost.
#[derive(Debug)]
struct Loss {
    what: Lose,
    /// How many more.
    times: usize,
    /// Only those of transactions in which this text was sent.
    text: Option<String>,
}

impl Loss {
    /// Whether its text is in these bytes.
    fn is_named(&self, bytes: &[u8]) -> bool {
        self.text.as_ref().is_some_and(|text| contains(bytes, text.as_bytes()))
    }
}

impl Proxy {
    /// Starts a proxy in front of this address, on an address of its own.
    ///
    /// # Errors
    /// What the system says.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (orders, counts) = (watch::Sender::new(Orders::default()), watch::Sender::new(Counts::default()));
        let shared = Arc::new(Shared { upstream, orders, counts });
        let task = tokio::spawn(accept(listener, address, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// The proxy's address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.order(|orders| orders.cuts += 1);
    }

    /// Refuses new connections, or accepts them again.
    pub fn refuse(&self, refuses: bool) {
        self.order(|orders| orders.refuses = refuses);
    }

    /// Cuts all connections and refuses new ones, as if the server were down; or comes back.
    pub fn be_gone(&self, is_gone: bool) {
        self.order(|orders| {
            orders.refuses = is_gone;
            orders.cuts += usize::from(is_gone);
        });
    }

    /// Stops forwarding in both directions without telling either side. Afterwards the waiting bytes are forwarded, as
    /// TCP would send them again.
    pub fn stall(&self, stalls: bool) {
        self.order(|orders| orders.stalls = stalls);
    }

    /// Delays what clients send by this much.
    pub fn delay(&self, by: Duration) {
        self.order(|orders| orders.delay = by);
    }

    /// Loses the next `times` commits to PostgreSQL, MySQL or MariaDB.
    pub fn lose_commits(&self, times: usize, what: Lose) {
        self.order(|orders| orders.lose = Some(Loss { what, times, text: None }));
    }

    /// Loses the next commit of a transaction in which this text is sent, and no other: a server has tasks that commit when
    /// they like.
    pub fn lose_commit_of(&self, text: &str, what: Lose) {
        self.order(|orders| orders.lose = Some(Loss { what, times: 1, text: Some(text.to_owned()) }));
    }

    /// What has been counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    /// Sets the counts to 0, except for the connections that are open.
    pub fn count_anew(&self) {
        self.shared.counts.send_modify(|counts| {
            *counts = Counts { open: counts.open, most_open: counts.open, ..Counts::default() };
        });
    }

    /// Waits until the counts fulfil a condition.
    pub async fn until(&self, are_such: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.shared.counts.subscribe();
        // The sender lives as long as this proxy.
        counts.wait_for(are_such).await.map(|counts| *counts).unwrap_or_default()
    }

    fn order(&self, change: impl FnOnce(&mut Orders)) {
        self.shared.orders.send_modify(change);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    let mut orders = shared.orders.subscribe();
    // The connections end with this task.
    let mut connections = JoinSet::new();
    let mut listener = Some(listener);
    loop {
        let refuses = orders.borrow_and_update().refuses;
        if refuses {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(address).await.ok();
        }
        tokio::select! {
            changed = orders.changed() => if changed.is_err() { return },
            accepted = next(listener.as_ref(), refuses) => if let Some(client) = accepted {
                let orders = shared.orders.subscribe();
                connections.spawn(serve(client, Arc::clone(&shared), orders));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The next connection; `None`: check again whether connections are accepted.
async fn next(listener: Option<&TcpListener>, refuses: bool) -> Option<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.ok().map(|(client, _)| client),
        None if refuses => std::future::pending().await,
        // Another process has the port for a moment.
        None => {
            sleep(REBIND_PAUSE).await;
            None
        }
    }
}

/// Forwards one connection, until either side ends it or it is cut.
async fn serve(client: TcpStream, shared: Arc<Shared>, mut orders: watch::Receiver<Orders>) {
    let _open = Open::new(&shared);
    let cuts = orders.borrow_and_update().cuts;
    let connect = timeout(CONNECT_TIMEOUT, TcpStream::connect(shared.upstream));
    let Ok(Ok(server)) = connect.await else { return };
    // Only the proxy should add delays.
    if client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_err() {
        return;
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let loses = AtomicBool::new(false);
    let up = Pump { shared: &shared, loses: &loses, is_up: true, is_named: false };
    let down = Pump { shared: &shared, loses: &loses, is_up: false, is_named: false };
    let both = async {
        let up = pin!(up.run(&mut from_client, &mut to_server));
        let down = pin!(down.run(&mut from_server, &mut to_client));
        // One half of a connection may be closed while the other goes on.
        match select(up, down).await {
            Either::Left((End::Closed, down)) => drop(down.await),
            Either::Right((End::Closed, up)) => drop(up.await),
            Either::Left((End::Cut, _)) | Either::Right((End::Cut, _)) => {}
        }
    };
    tokio::select! {
        () = both => {}
        _ = orders.wait_for(|orders| orders.cuts != cuts) => {}
    }
}

/// How one direction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The sender has closed its half.
    Closed,
    /// Both directions are cut.
    Cut,
}

/// One direction of a connection.
struct Pump<'a> {
    shared: &'a Shared,
    /// Whether the next answer is lost.
    loses: &'a AtomicBool,
    is_up: bool,
    /// Whether the text that names the commit was sent in the transaction that is under way.
    is_named: bool,
}

impl Pump<'_> {
    /// Forwards until the end.
    async fn run(mut self, from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> End {
        let mut orders = self.shared.orders.subscribe();
        let mut bytes = vec![0; 1 << 16];
        loop {
            let Ok(count) = from.read(&mut bytes).await else { return End::Cut };
            if orders.wait_for(|orders| !orders.stalls).await.is_err() {
                return End::Cut;
            }
            let delay = orders.borrow().delay;
            if self.is_up && !delay.is_zero() {
                sleep(delay).await;
            }
            if self.is_lost(&bytes[..count]) {
                return End::Cut;
            }
            if count == 0 {
                return if to.shutdown().await.is_ok() { End::Closed } else { End::Cut };
            }
            if to.write_all(&bytes[..count]).await.is_err() {
                return End::Cut;
            }
        }
    }

    /// Whether these bytes are to be lost, and the connection cut.
    fn is_lost(&mut self, bytes: &[u8]) -> bool {
        let is_lost = if self.is_up {
            match self.take_loss(bytes) {
                None => false,
                Some(Lose::Request) => true,
                Some(Lose::Answer) => {
                    self.loses.store(true, Ordering::SeqCst);
                    false
                }
            }
        } else {
            self.loses.load(Ordering::SeqCst)
        };
        if is_lost {
            self.shared.counts.send_modify(|counts| counts.lost_commits += 1);
        }
        is_lost
    }

    /// What is lost of the commit that these bytes are, if they are one.
    fn take_loss(&mut self, bytes: &[u8]) -> Option<Lose> {
        self.is_named |= self.shared.orders.borrow().lose.as_ref().is_some_and(|loss| loss.is_named(bytes));
        if !is_commit(bytes) {
            return None;
        }
        let is_named = std::mem::take(&mut self.is_named);
        let is_meant = |loss: &&mut Loss| loss.times > 0 && (is_named || loss.text.is_none());
        let mut taken = None;
        self.shared.orders.send_if_modified(|orders| {
            if let Some(loss) = orders.lose.as_mut().filter(is_meant) {
                loss.times -= 1;
                taken = Some(loss.what);
            }
            false
        });
        taken
    }
}

/// Counts a connection until it is dropped.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.counts.send_modify(|counts| {
            counts.opened += 1;
            counts.open += 1;
            counts.most_open = counts.most_open.max(counts.open);
        });
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.counts.send_modify(|counts| counts.open -= 1);
    }
}

/// Whether this is `COMMIT` as drivers send it: a simple query of PostgreSQL, or a text command of MySQL.
fn is_commit(bytes: &[u8]) -> bool {
    [&b"Q\0\0\0\x0bCOMMIT\0"[..], &b"\x03COMMIT"[..]].iter().any(|it| contains(bytes, it))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|part| part == wanted)
}

/// How long to wait before the port is bound again.
const REBIND_PAUSE: Duration = Duration::from_millis(10);
/// How long the address behind the proxy may take to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
