//! A network that can vanish: packets are dropped on the way, and neither end is told.
//!
//! It consists of three network namespaces in a row: the server's, one that forwards packets, and the far clients'.
//! Nothing outside of them is affected. It needs root, and the program `ip`.

use std::{
    fs::File,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use tokio::net::TcpStream;

use super::{FaultError, run, unique};

/// A network, which is removed when it is dropped.
#[derive(Debug)]
pub struct Network {
    near: String,
    between: String,
    far: String,
}

impl Network {
    /// The server's address in it.
    pub const NEAR: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 1, 1));

    /// Makes a network.
    ///
    /// # Errors
    /// [`FaultError::Impossible`] without root or without `ip`.
    pub async fn make() -> Result<Self, FaultError> {
        if run("id", &["-u"]).await?.trim() != "0" {
            return Err(FaultError::Impossible("only root can make a network".to_owned()));
        }
        let name = unique("net");
        let network =
            Self { near: format!("{name}-near"), between: format!("{name}-between"), far: format!("{name}-far") };
        let Self { near, between, far } = &network;
        for namespace in [near, between, far] {
            run("ip", &["netns", "add", namespace]).await?;
            run("ip", &["-n", namespace, "link", "set", "lo", "up"]).await?;
        }
        join((near, "10.77.1.1/24"), (between, "10.77.1.2/24"), "near").await?;
        join((far, "10.77.2.1/24"), (between, "10.77.2.2/24"), "far").await?;
        run("ip", &["-n", near, "route", "add", "default", "via", "10.77.1.2"]).await?;
        run("ip", &["-n", far, "route", "add", "default", "via", "10.77.2.2"]).await?;
        network.vanish(false).await?;
        Ok(network)
    }

    /// Moves this thread to the server's side, until the result is dropped. Threads and processes that it starts are
    /// there, too.
    ///
    /// # Errors
    /// What the system says.
    pub fn enter(&self) -> io::Result<Inside> {
        Inside::enter(&self.near)
    }

    /// Connects from the far side.
    ///
    /// # Errors
    /// What the system says.
    pub async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let far = self.far.clone();
        let connected = tokio::task::spawn_blocking(move || {
            let _inside = Inside::enter(&far)?;
            // A socket belongs to the namespace in which it was created.
            std::net::TcpStream::connect_timeout(&to, TIMEOUT)
        });
        let stream = connected.await.map_err(io::Error::other)??;
        stream.set_nonblocking(true)?;
        TcpStream::from_std(stream)
    }

    /// Drops all packets from now on, or forwards them again.
    ///
    /// # Errors
    /// What `ip` says.
    pub async fn vanish(&self, is_gone: bool) -> Result<(), FaultError> {
        let forward = if is_gone { "echo 0" } else { "echo 1" };
        let command = format!("{forward} > /proc/sys/net/ipv4/ip_forward");
        run("ip", &["netns", "exec", &self.between, "sh", "-c", &command]).await.map(drop)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in [&self.near, &self.between, &self.far] {
            // A namespace that does not exist need not be removed.
            drop(std::process::Command::new("ip").args(["netns", "del", namespace]).output());
        }
    }
}

/// While this value lives, its thread is in another namespace.
#[derive(Debug)]
pub struct Inside {
    home: File,
}

impl Inside {
    fn enter(namespace: &str) -> io::Result<Self> {
        let home = File::open("/proc/thread-self/ns/net")?;
        move_to(&File::open(Path::new("/run/netns").join(namespace))?)?;
        Ok(Self { home })
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        // The way back works, since the way in did.
        drop(move_to(&self.home));
    }
}

#[cfg(target_os = "linux")]
fn move_to(namespace: &File) -> io::Result<()> {
    use std::os::fd::AsFd;
    let kind = Some(rustix::thread::LinkNameSpaceType::Network);
    Ok(rustix::thread::move_into_link_name_space(namespace.as_fd(), kind)?)
}

#[cfg(not(target_os = "linux"))]
fn move_to(_namespace: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Connects two namespaces by a pair of devices with these names.
async fn join(one: (&str, &str), other: (&str, &str), name: &str) -> Result<(), FaultError> {
    let ends = ["link", "add", name, "netns", one.0, "type", "veth", "peer", "name", name, "netns", other.0];
    run("ip", &ends).await?;
    for (namespace, address) in [one, other] {
        run("ip", &["-n", namespace, "address", "add", address, "dev", name]).await?;
        run("ip", &["-n", namespace, "link", "set", name, "up"]).await?;
    }
    Ok(())
}

const TIMEOUT: Duration = Duration::from_secs(10);
