//! What the app around the chat decides: whose pages may use it, for which hosts it answers, and where requests come from.

use std::{fmt, net::IpAddr, sync::Arc};

use poem::http::{Extensions, HeaderMap};

use crate::{Accounts, FeedToken, HostName, Origin, address::Network, host::Hosts, origin::Origins};

/// What the app around the chat decides. A [`service`](crate::service) is given them; [`Api`](crate::Api) and
/// [`Site`](crate::Site) have the same methods.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use chat_http::Options;
///
/// let options = Options::default()
///     .public_url("https://app.example".parse()?)
///     .allow_origins(["https://other.example".parse()?]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Options {
    pub(crate) hosts: Hosts,
    pub(crate) origins: Origins,
    pub(crate) accounts: Option<Accounts>,
    pub(crate) feed_token: Option<FeedToken>,
    find_client: Option<Arc<FindClient>>,
}

type FindClient = dyn Fn(&HeaderMap, &Extensions) -> Option<IpAddr> + Send + Sync;

impl Options {
    /// Allows web pages of these origins, besides the server's own, to open sockets and to use the REST API.
    #[must_use]
    pub fn allow_origins(mut self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.origins = self.origins.allow(origins);
        self
    }

    /// Sets the URL where people reach this server. Only pages of this origin are its own, and it answers for this name. Without
    /// it, a page is the server's own if its scheme and host are those of the request. Behind a TLS proxy, they are not.
    #[must_use]
    pub fn public_url(mut self, url: Origin) -> Self {
        self.origins = self.origins.own(url);
        self
    }

    /// Answers only requests that name one of these hosts, a loopback name or an IP address; others get 421 `wrong_host`. This
    /// stops pages that point their own host name at this server (DNS rebinding). By default the app around the chat has to
    /// check this, and the chat answers for every host; only a [`site`](crate::site) checks.
    #[must_use]
    pub fn allow_hosts(mut self, hosts: impl IntoIterator<Item = HostName>) -> Self {
        self.hosts = hosts.into_iter().fold(self.hosts.checked(), Hosts::and);
        self
    }

    /// Answers for every host: use it if something in front of the server checks them.
    #[must_use]
    pub fn allow_any_host(mut self) -> Self {
        self.hosts = Hosts::Any;
        self
    }

    /// Has the operations on these accounts, which are (among) the authenticator's.
    #[must_use]
    pub fn accounts(mut self, accounts: Accounts) -> Self {
        self.accounts = Some(accounts);
        self
    }

    /// Gives the events of all rooms (`GET /events/feed`) to whoever has this token. Without it, that answers 404 to every token:
    /// nobody reads all rooms over HTTP.
    #[must_use]
    pub fn feed_token(mut self, token: FeedToken) -> Self {
        self.feed_token = Some(token);
        self
    }

    /// Says where a request comes from, by its headers and by what the app's server has put into its extensions. What is limited
    /// per address ([`AddressLimits`](chat_core::AddressLimits)) is limited by this one.
    ///
    /// By default it is the peer of the connection, as far as that is known: by [`Server`](crate::Server) and poem's own. A
    /// [`service`](crate::service) sees no connections, so without this it limits nothing per address. Believe only headers that a
    /// proxy of yours sets anew.
    #[must_use]
    pub fn client_address(
        mut self,
        find: impl Fn(&HeaderMap, &Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.find_client = Some(Arc::new(find));
        self
    }

    /// Where a request comes from, if the app says so.
    pub(crate) fn client(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<Network> {
        self.find_client.as_ref()?(headers, extensions).map(Network::from)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Options");
        all.field("hosts", &self.hosts).field("origins", &self.origins).finish_non_exhaustive()
    }
}
