//! How a webhook is connected to: at addresses that it may reach, so that the address that is checked is the one that is dialled.

use std::{
    error::Error,
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use bytes::Bytes;
use chat_core::InvalidField;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{
            HttpConnector,
            dns::{GaiResolver, Name},
        },
    },
    rt::{TokioExecutor, TokioTimer},
};
use tokio_rustls::rustls::crypto::ring;
use tower_service::Service;

use super::reach::Reach;

/// Connects to what is in reach.
pub(super) type Connector = HttpConnector<Resolver>;

/// A client of HTTP/1.1 that keeps some connections.
pub(super) fn client(reach: Reach) -> Result<Client<HttpsConnector<Connector>, Full<Bytes>>, InvalidField> {
    let mut http = HttpConnector::new_with_resolver(Resolver { reach, resolver: GaiResolver::new() });
    http.enforce_http(false);
    http.set_nodelay(true);
    let no_roots = |_| InvalidField::new("url", "cannot be checked: this machine has no certificates of authorities");
    let https = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(Arc::new(ring::default_provider()))
        .map_err(no_roots)?
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    let mut client = Client::builder(TokioExecutor::new());
    client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(MOST_IDLE);
    Ok(client.build(https))
}

/// Whether this is behind an error: an address is out of reach.
pub(super) fn is_blocked(error: &(dyn Error + 'static)) -> bool {
    let mut behind = Some(error);
    while let Some(error) = behind {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if error.is::<OutOfReach>() || inner.is_some_and(|inner| inner.is::<OutOfReach>()) {
            return true;
        }
        behind = error.source();
    }
    false
}

/// Resolves names to those of their addresses that are in reach.
#[derive(Clone)]
pub(super) struct Resolver {
    reach: Reach,
    resolver: GaiResolver,
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.resolver.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (reach, resolving) = (self.reach, self.resolver.call(name));
        Box::pin(async move { in_reach(reach, resolving.await?) })
    }
}

fn in_reach(reach: Reach, found: impl Iterator<Item = SocketAddr>) -> io::Result<vec::IntoIter<SocketAddr>> {
    let reached: Vec<_> = found.filter(|address| reach.has(address.ip())).collect();
    if reached.is_empty() {
        return Err(io::Error::other(OutOfReach));
    }
    Ok(reached.into_iter())
}

/// A name has no address that is in reach.
#[derive(Debug)]
struct OutOfReach;

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no address is in reach")
    }
}

impl Error for OutOfReach {}

/// How long a connection is kept that nothing is posted on.
const IDLE: Duration = Duration::from_secs(30);
/// How many are kept.
const MOST_IDLE: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_in_reach_are_dialled() {
        let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let found = addresses(&["127.0.0.1:0", "1.1.1.1:0", "[::1]:0", "[2606:4700::1111]:0", "10.0.0.1:0"]);
        let public = in_reach(Reach::Public, found.clone().into_iter()).unwrap();
        assert_eq!(public.collect::<Vec<_>>(), addresses(&["1.1.1.1:0", "[2606:4700::1111]:0"]));
        let all = in_reach(Reach::Anywhere, found.clone().into_iter()).unwrap();
        assert_eq!(all.collect::<Vec<_>>(), found);
        let blocked = in_reach(Reach::Public, addresses(&["127.0.0.1:0"]).into_iter()).unwrap_err();
        assert!(is_blocked(&blocked));
        assert!(!is_blocked(&io::Error::other("something else")));
    }
}
