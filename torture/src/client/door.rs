//! How a client connects.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::net::{TcpSocket, TcpStream};

use crate::{
    fault::network::Network,
    recorder::{Name, Recorder},
};

/// Where a connection goes, and who opens it.
#[derive(Debug, Clone)]
pub struct Door {
    /// The server.
    pub address: SocketAddr,
    /// Where everything is written down.
    pub recorder: Arc<Recorder>,
    /// Who opens it.
    pub name: Name,
    /// The size of the receive buffer, where it is not the system's own.
    pub buffer: Option<u32>,
    /// The network that its client is at the far end of; `None`: it is where the server is.
    pub network: Option<Arc<Network>>,
}

impl Door {
    /// Connects to the server.
    pub(super) async fn connect(&self) -> io::Result<TcpStream> {
        if let Some(network) = &self.network {
            return network.connect(self.address).await;
        }
        let socket = TcpSocket::new_v4()?;
        if let Some(size) = self.buffer {
            socket.set_recv_buffer_size(size)?;
        }
        socket.connect(self.address).await
    }
}
