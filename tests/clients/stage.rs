//! What every test here needs: a server, its document, and a folder to work in.

use std::{
    env,
    ffi::OsStr,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

use crate::common::{Database, Server};

/// A server with a database of its own, and a folder with its document.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) database: Database,
    pub(crate) folder: Folder,
}

impl Stage {
    pub(crate) async fn set(name: &str) -> Self {
        let database = Database::sqlite();
        let server = Server::start(&database).await;
        let folder = Folder::new(name);
        fs::write(folder.file("openapi.json"), server.get_path("/openapi.json").await.body).unwrap();
        Self { server, database, folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Generates the client in Python, as `chat_client`.
    pub(crate) async fn generate_python(&self) {
        let mut generate = self.python("openapi-python-client");
        generate.args(["generate", "--path", "openapi.json", "--meta", "none", "--output-path", "chat_client"]);
        run(generate.arg("--fail-on-warning")).await;
        run(self.python("python").args(["-m", "compileall", "-q", "chat_client"])).await;
    }

    /// Generates the types in TypeScript, and compiles everything there to JavaScript.
    pub(crate) async fn generate_typescript(&self) {
        let packages = Path::new(&variable("CHAT_TEST_TYPESCRIPT")).join("node_modules");
        self.folder.copy("examples/clients/typescript/package.json");
        self.folder.copy("examples/clients/typescript/tsconfig.json");
        symlink(&packages, self.folder.file("node_modules")).unwrap();
        let program = |name: &str| self.command(packages.join(".bin").join(name));
        run(program("openapi-typescript").args(["openapi.json", "-o", "schema.d.ts"])).await;
        run(&mut program("tsc")).await;
    }

    /// A program of the Python environment, with that environment in its path.
    pub(crate) fn python(&self, program: &str) -> Command {
        let programs = Path::new(&variable("CHAT_TEST_PYTHON")).join("bin");
        let others = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([programs.clone()].into_iter().chain(env::split_paths(&others))).unwrap();
        let mut command = self.command(programs.join(program));
        command.env("PATH", path);
        command
    }

    /// A program that is run in the folder.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder.0);
        command
    }
}

/// A folder that is removed when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("chat-clients-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Copies a file of the repository.
    pub(crate) fn copy(&self, path: &str) {
        let from = repository().join(path);
        fs::copy(&from, self.file(from.file_name().unwrap().to_str().unwrap())).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is in the system's folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A variable of the environment, in which `cargo xtask test` says where the tools are.
pub(crate) fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`"))
}

/// Runs a program that must succeed, and returns its output.
pub(crate) async fn run(program: &mut Command) -> String {
    program.stdin(Stdio::null()).kill_on_drop(true);
    let output =
        timeout(TIMEOUT, program.output()).await.unwrap_or_else(|_| panic!("{program:?} does not end")).unwrap();
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{program:?}: {}\n{told}", output.status);
    told
}

/// How long any program may take on a busy machine, including compilers.
const TIMEOUT: Duration = Duration::from_secs(600);
