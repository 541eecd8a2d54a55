//! Chat in an axum app that was there before: its login says who, its projects say who is in which room.
//! `cargo run --example axum_app`, then `curl -c jar -X POST localhost:8000/login/Ada` and, with `curl -b jar`,
//! `-X POST localhost:8000/projects/apollo` (answers with the number of its room), `-X PUT …/projects/1/team/Bob`,
//! `localhost:8000/chat/api/chat/rooms/1/messages` (`--json '{"content": "Hello!"}'`), `-N …/rooms/1/events`.
#![expect(clippy::print_stdout, reason = "it says where it listens")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use async_trait::async_trait;
use axum::{
    Router,
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, StatusCode, header},
    routing::{get, post, put},
};
use chat_core::{
    Action, Actor, ChatEngine, Error, HostMembers, Identity, Members, NewRoom, Policy, Role, RoomId, StartError,
    UserId, VisibleRooms, rights::Standing,
};
use chat_http::{Authenticated, Authenticator, ChatService, Options, Request, service};

// ---- all there is of chat ----
#[async_trait]
impl Authenticator for App {
    async fn authenticate(&self, request: &Request) -> Result<Authenticated, Error> {
        let Some(user) = self.user(request.headers()) else { return Ok(Authenticated::anonymous()) };
        Ok(Identity::named(&user)?.into())
    }
}

impl HostMembers for App {
    fn standing(&self, room: RoomId, user: &UserId) -> Standing {
        let is_in = self.projects().get(&room.0).is_some_and(|project| project.has(user.as_str()));
        Standing { role: is_in.then_some(Role::Member), ..Standing::default() }
    }

    fn visible_rooms(&self, actor: &Actor) -> VisibleRooms {
        let user = actor.user().map_or("", |user| user.id.as_str());
        VisibleRooms::only(
            self.projects().iter().filter(|(_, project)| project.has(user)).map(|(room, _)| RoomId(*room)),
        )
    }
}

impl Policy for App {
    fn check(&self, _actor: &Actor, action: Action<'_>) -> Result<(), Error> {
        if matches!(action, Action::CreateRoom(_)) { Err(Error::Forbidden) } else { Ok(()) } // they come with projects
    }
}

async fn chat(app: App) -> Result<(ChatEngine, ChatService), StartError> {
    let members = Members::Host(Arc::new(app.clone()));
    let engine = ChatEngine::builder().members(members).policy(app.clone()).build().await?;
    let options = Options::default().client_address(|_, found| Some(found.get::<ConnectInfo<SocketAddr>>()?.0.ip()));
    Ok((engine.clone(), service(engine, app, options)))
}
// ---- the app as it was; it makes a room for each project, and tells the engine when somebody is put out of one ----

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let app = App::default();
    let (engine, chat) = chat(app.clone()).await?;
    let routes = Router::new()
        .route("/", get(front_page))
        .route("/login/{name}", post(log_in))
        .route("/projects/{name}", post(new_project))
        .route("/projects/{project}/team/{name}", put(take_in).delete(put_out))
        .with_state((app, engine.clone()))
        .nest_service("/chat", chat.clone());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let stopped = async move {
        drop(tokio::signal::ctrl_c().await);
        engine.shutdown().await;
        chat.ended().await;
    };
    let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, routes).with_graceful_shutdown(stopped).await?;
    Ok(())
}

/// Who is logged in, and who works on what. (Yours has this in a database, and the teams in memory, too.)
#[derive(Clone, Default)]
struct App(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// The name behind each cookie.
    logins: RwLock<BTreeMap<String, String>>,
    projects: RwLock<BTreeMap<u64, Project>>,
}

struct Project {
    owner: String,
    team: BTreeSet<String>,
}

impl Project {
    fn has(&self, user: &str) -> bool {
        self.owner == user || self.team.contains(user)
    }
}

impl App {
    /// Whose browser a request comes from.
    fn user(&self, headers: &HeaderMap) -> Option<String> {
        let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
        let cookie = cookies.split("; ").find_map(|pair| pair.strip_prefix("login="))?;
        self.0.logins.read().unwrap_or_else(PoisonError::into_inner).get(cookie).cloned()
    }

    fn projects(&self) -> RwLockReadGuard<'_, BTreeMap<u64, Project>> {
        self.0.projects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_projects(&self) -> RwLockWriteGuard<'_, BTreeMap<u64, Project>> {
        self.0.projects.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the team of a project, if this request is its owner's; returns whether it did.
    fn change_team(
        &self,
        headers: &HeaderMap,
        project: u64,
        change: impl FnOnce(&mut BTreeSet<String>) -> bool,
    ) -> Result<bool, StatusCode> {
        let user = self.user(headers).ok_or(StatusCode::UNAUTHORIZED)?;
        let mut projects = self.change_projects();
        let project = projects.get_mut(&project).filter(|project| project.owner == user);
        Ok(change(&mut project.ok_or(StatusCode::NOT_FOUND)?.team))
    }
}

type Parts = State<(App, ChatEngine)>;

async fn front_page(State((app, _)): Parts, headers: HeaderMap) -> String {
    app.user(&headers).map_or_else(|| "Who are you?".to_owned(), |user| format!("Hello, {user}!"))
}

/// (Yours asks for a password.)
async fn log_in(State((app, _)): Parts, Path(name): Path<String>) -> (StatusCode, [(header::HeaderName, String); 1]) {
    let cookie = uuid::Uuid::new_v4().to_string();
    app.0.logins.write().unwrap_or_else(PoisonError::into_inner).insert(cookie.clone(), name);
    let cookie = format!("login={cookie}; Path=/; HttpOnly; SameSite=Lax");
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)])
}

async fn new_project(
    State((app, engine)): Parts,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<String, StatusCode> {
    let owner = app.user(&headers).ok_or(StatusCode::UNAUTHORIZED)?;
    let room = engine.create_room(Actor::System, NewRoom::named(name).private()).await;
    let room = room.map_err(|_| StatusCode::CONFLICT)?.id.0;
    app.change_projects().insert(room, Project { owner, team: BTreeSet::new() });
    Ok(room.to_string())
}

async fn take_in(
    State((app, _)): Parts,
    Path((project, name)): Path<(u64, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, StatusCode> {
    app.change_team(&headers, project, |team| team.insert(name))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn put_out(
    State((app, engine)): Parts,
    Path((project, name)): Path<(u64, String)>,
    headers: HeaderMap,
) -> Result<StatusCode, StatusCode> {
    let user = UserId::new(&name).map_err(|_| StatusCode::NOT_FOUND)?;
    app.change_team(&headers, project, |team| team.remove(&name))?;
    engine.recheck(&user).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(StatusCode::NO_CONTENT)
}
