//! Opens connections to the server.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::net::{TcpSocket, TcpStream};

use crate::{
    fault::network::Network,
    recorder::{Name, Recorder},
};

/// Where connections go to, and which client opens them.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The server's address.
    pub address: SocketAddr,
    /// The history that the client writes to.
    pub recorder: Arc<Recorder>,
    /// The client that opens the connections.
    pub name: Name,
    /// The size of the receive buffer; `None` leaves it to the system.
    pub buffer: Option<u32>,
    /// The network at whose far end the client is; `None`: it is on the server's side.
    pub network: Option<Arc<Network>>,
}

impl Endpoint {
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
