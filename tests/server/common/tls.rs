//! A client with TLS. It trusts the authority of the tests' certificates, and no other.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
        version,
    },
};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::{Call, DEADLINE, Reply, Socket};

/// A file of the tests' certificates. `first` and `second` are valid, `expired` and `future` are not; each is for
/// `localhost`, `127.0.0.1` and `chat.example`.
pub(crate) fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/chat-http/tests/certificates")).join(name)
}

/// The certificate in a file, to be compared with that of a server.
pub(crate) fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file(name)).unwrap()
}

/// Connects with these protocols (ALPN), or none.
pub(crate) async fn connect_for(address: SocketAddr, protocols: &[&str]) -> io::Result<TlsStream<TcpStream>> {
    connect_with(address, protocols, &[&version::TLS13, &version::TLS12]).await
}

/// Connects with TLS 1.2.
pub(crate) async fn connect_with_tls12(address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
    connect_with(address, &[], &[&version::TLS12]).await
}

/// Connects.
pub(crate) async fn connect(address: SocketAddr) -> TlsStream<TcpStream> {
    connect_for(address, &[]).await.unwrap()
}

async fn connect_with(
    address: SocketAddr,
    protocols: &[&str],
    versions: &[&'static tokio_rustls::rustls::SupportedProtocolVersion],
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate("ca.pem")).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let mut config =
        config.with_protocol_versions(versions).unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await?;
    let connected = timeout(DEADLINE, TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
    connected.expect("the handshake takes too long")
}

/// The certificate that a server shows.
pub(crate) async fn shown(address: SocketAddr) -> CertificateDer<'static> {
    let stream = connect(address).await;
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Makes a call.
pub(crate) async fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<String>,
) -> Reply {
    let call = Call { host: address.to_string(), method, path, headers, body };
    let answer = timeout(DEADLINE, call.over(connect(address).await)).await;
    answer.unwrap_or_else(|_| panic!("{method} {path} is not answered")).unwrap()
}

/// Opens a socket.
pub(crate) async fn socket(address: SocketAddr, path: &str) -> Socket {
    let request = format!("wss://{address}{path}").into_client_request().unwrap();
    Socket::over(connect(address).await, request).await.unwrap()
}
