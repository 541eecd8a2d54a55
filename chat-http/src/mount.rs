//! What is mounted in an app: REST and sockets, or these with everything else that a site has.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use chat_core::ChatEngine;
use poem::{
    EndpointExt, IntoEndpoint, Route,
    endpoint::BoxEndpoint,
    http::{Extensions, HeaderMap},
};

use crate::{
    account::{self, Accounts},
    api::{OPEN, PREFIX, resources},
    auth::{Authentication, Authenticator, Identified},
    entrance::Entrance,
    feed_token::FeedToken,
    host::{HostName, Hosts},
    methods::Methods,
    metrics,
    middleware::Middleware,
    openapi,
    options::Options,
    origin::Origin,
    problem::Challenge,
    site::{methods as site_methods, routes as site_routes},
    unfinished::Unfinished,
    ws,
};

/// REST and sockets, to be mounted in a poem app: `Route::new().nest("/chat", api(engine, Guests))`.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "whoever mounts it gives it an engine")]
pub fn api(engine: ChatEngine, authenticator: impl Authenticator) -> Api {
    metrics::describe();
    // Who asks over a network is told at once to come back, rather than keep a connection waiting.
    let engine = engine.waiting_at_most(Duration::ZERO);
    Api { engine, authenticator: Arc::new(authenticator), options: Options::default() }
}

/// [`api`] plus `/docs`, `/openapi.json`, `/openapi.yaml`, `/healthz`, `/readyz` and a front page. It answers only for loopback
/// names and IP addresses, until it is told its [own](Site::public_url) or [other](Site::allow_hosts) names.
#[must_use]
pub fn site(engine: ChatEngine, authenticator: impl Authenticator) -> Site {
    Site(api(engine, authenticator).allow_hosts([]))
}

/// What [`api`] makes; an endpoint for poem.
#[derive(Clone)]
pub struct Api {
    engine: ChatEngine,
    authenticator: Arc<dyn Authenticator>,
    options: Options,
}

impl Api {
    /// See [`Options::allow_origins`].
    #[must_use]
    pub fn allow_origins(self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.change(|options| options.allow_origins(origins))
    }

    /// See [`Options::public_url`].
    #[must_use]
    pub fn public_url(self, url: Origin) -> Self {
        self.change(|options| options.public_url(url))
    }

    /// See [`Options::allow_hosts`].
    #[must_use]
    pub fn allow_hosts(self, hosts: impl IntoIterator<Item = HostName>) -> Self {
        self.change(|options| options.allow_hosts(hosts))
    }

    /// See [`Options::allow_any_host`].
    #[must_use]
    pub fn allow_any_host(self) -> Self {
        self.change(Options::allow_any_host)
    }

    /// See [`Options::accounts`].
    #[must_use]
    pub fn accounts(self, accounts: Accounts) -> Self {
        self.change(|options| options.accounts(accounts))
    }

    /// See [`Options::feed_token`].
    #[must_use]
    pub fn feed_token(self, token: FeedToken) -> Self {
        self.change(|options| options.feed_token(token))
    }

    /// See [`Options::client_address`].
    #[must_use]
    pub fn client_address(
        self,
        find: impl Fn(&HeaderMap, &Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.change(|options| options.client_address(find))
    }

    /// The same with these options, and no others.
    #[must_use]
    pub fn with(self, options: Options) -> Self {
        Self { options, ..self }
    }

    /// The engine behind it.
    pub(crate) const fn engine(&self) -> &ChatEngine {
        &self.engine
    }

    /// What the app around it decides.
    pub(crate) const fn options(&self) -> &Options {
        &self.options
    }

    fn change(self, change: impl FnOnce(Options) -> Options) -> Self {
        Self { options: change(self.options), ..self }
    }

    fn routes(&self) -> Route {
        let authentication = Authentication::new(Arc::clone(&self.authenticator), self.engine.clone());
        let one = ws::Sockets::room(self.engine.clone(), authentication.clone(), self.options.origins.clone());
        let many = ws::Sockets::rooms(self.engine.clone(), authentication.clone(), self.options.origins.clone());
        let api = openapi::service(resources(&self.engine, &authentication, &self.options));
        Route::new()
            .nest(
                PREFIX,
                Identified { inner: api.into_endpoint(), authentication, open: &OPEN, refused: account::forget_login },
            )
            .at("/ws/chat", many)
            .at("/ws/chat/:room_id", one)
    }

    fn finish(self, routes: Route, methods: Methods, owns_host: bool) -> BoxEndpoint<'static> {
        let challenge = Challenge::of(&*self.authenticator);
        let inner = routes.data(Unfinished::default());
        let methods = ws::PATHS.into_iter().fold(methods, Methods::add_stream);
        let mut options = self.options;
        options.hosts = options.origins.own_host().into_iter().fold(options.hosts, Hosts::and);
        Middleware { inner, methods, options, challenge, owns_host }.boxed()
    }
}

impl IntoEndpoint for Api {
    type Endpoint = BoxEndpoint<'static>;

    fn into_endpoint(self) -> Self::Endpoint {
        let routes = self.routes();
        self.finish(routes, openapi::methods(), false)
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Api");
        all.field("engine", &self.engine).field("options", &self.options).finish_non_exhaustive()
    }
}

/// What [`site`] makes; an endpoint for poem.
#[derive(Debug, Clone)]
pub struct Site(Api);

impl Site {
    /// See [`Options::feed_token`].
    #[must_use]
    pub fn feed_token(self, token: FeedToken) -> Self {
        Self(self.0.feed_token(token))
    }

    /// See [`Options::allow_origins`].
    #[must_use]
    pub fn allow_origins(self, origins: impl IntoIterator<Item = Origin>) -> Self {
        Self(self.0.allow_origins(origins))
    }

    /// See [`Options::public_url`].
    #[must_use]
    pub fn public_url(self, url: Origin) -> Self {
        Self(self.0.public_url(url))
    }

    /// See [`Options::allow_hosts`].
    #[must_use]
    pub fn allow_hosts(self, hosts: impl IntoIterator<Item = HostName>) -> Self {
        Self(self.0.allow_hosts(hosts))
    }

    /// See [`Options::allow_any_host`].
    #[must_use]
    pub fn allow_any_host(self) -> Self {
        Self(self.0.allow_any_host())
    }

    /// See [`Options::accounts`].
    #[must_use]
    pub fn accounts(self, accounts: Accounts) -> Self {
        Self(self.0.accounts(accounts))
    }

    /// See [`Options::client_address`].
    #[must_use]
    pub fn client_address(
        self,
        find: impl Fn(&HeaderMap, &Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        Self(self.0.client_address(find))
    }

    /// The engine behind it.
    pub(crate) const fn engine(&self) -> &ChatEngine {
        self.0.engine()
    }

    /// What the app around it decides.
    pub(crate) const fn options(&self) -> &Options {
        self.0.options()
    }
}

impl IntoEndpoint for Site {
    type Endpoint = BoxEndpoint<'static>;

    fn into_endpoint(self) -> Self::Endpoint {
        let accounts = self.0.options.accounts.as_ref().map(Accounts::registration);
        let entrance = Entrance { accounts, guests: self.0.authenticator.welcomes_guests() };
        let routes = site_routes(self.0.routes(), self.0.engine.clone(), entrance);
        self.0.finish(routes, site_methods(openapi::methods()), true)
    }
}
