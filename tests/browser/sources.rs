//! The sources of the page: they type-check, their tests and the client's pass, and the embedded files are what they
//! build to.

use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{self, Command},
};

use super::{succeed, variable};

#[test]
#[ignore = "needs npm: cargo xtask test"]
fn the_embedded_page_is_what_its_sources_make() {
    let workshop = Workshop::new("build");
    let dist = workshop.ui.join("dist");
    let committed = files(&dist);
    // A compressed file is written only if its contents changed, since compressed bytes differ between machines.
    for name in committed.keys().filter(|name| !name.ends_with(".gz")) {
        fs::remove_file(dist.join(name)).unwrap();
    }
    workshop.npm(&["run", "build"]);
    let built = files(&dist);
    let names = committed.keys().chain(built.keys());
    let stale: Vec<&String> = names.filter(|name| committed.get(*name) != built.get(*name)).collect();
    assert!(stale.is_empty(), "chat-http/ui/dist is not current: `npm ci && npm run build` there; {stale:?}");
}

#[test]
#[ignore = "needs npm: cargo xtask test"]
fn the_page_knows_the_api_as_it_is() {
    let workshop = Workshop::new("types");
    let schema = workshop.ui.join("page/schema.d.ts");
    let committed = fs::read(&schema).unwrap();
    workshop.npm(&["run", "types"]);
    assert!(committed == fs::read(schema).unwrap(), "page/schema.d.ts is not current: `npm run types` in chat-http/ui");
}

#[test]
#[ignore = "needs npm: cargo xtask test"]
fn the_types_of_page_and_client_hold() {
    Workshop::new("check").npm(&["run", "check"]);
}

#[test]
#[ignore = "needs npm: cargo xtask test"]
fn page_and_client_pass_their_own_tests() {
    Workshop::new("test").npm(&["test"]);
}

/// A copy of the sources, with the packages they need, so that nothing is written to the repository.
struct Workshop {
    folder: PathBuf,
    ui: PathBuf,
}

impl Workshop {
    fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = env::temp_dir().join(format!("chat-ui-{name}-{}", process::id()));
        let ui = folder.join("chat-http/ui");
        copy(&root.join("chat-http/ui"), &ui);
        fs::copy(root.join("openapi.yaml"), folder.join("openapi.yaml")).unwrap();
        symlink(Path::new(&variable("CHAT_TEST_UI")).join("node_modules"), ui.join("node_modules")).unwrap();
        Self { folder, ui }
    }

    fn npm(&self, words: &[&str]) {
        let mut npm = Command::new("npm");
        succeed(
            npm.args(words)
                .current_dir(&self.ui)
                .env("CHATD_BIN", env!("CARGO_BIN_EXE_chatd"))
                .env("CHATD_NO_LIMITS", "true"),
        );
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What cannot be removed is in the system's folder for temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Copies a folder, except for packages that are installed there.
fn copy(from: &Path, into: &Path) {
    fs::create_dir_all(into).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_file() {
            fs::copy(path, into.join(name)).unwrap();
        } else if name != "node_modules" {
            copy(&path, &into.join(name));
        }
    }
}

/// The files of a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
}
