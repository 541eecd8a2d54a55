//! Hooks for tests stay out of what is shipped: bugs are injected around it, and the points at which it can be told to fail
//! are these.

use super::{
    Complaint, File,
    source::{code, line_of, places},
};

/// Every file that may name failpoints and injected bugs, with how many of its lines do.
const HOOKS: &[(&str, usize)] = &[
    // The modules themselves.
    ("chat-core/src/lib.rs", 4),
    // The state and the store that a server with failpoints has, and the points after an answer and before the end.
    ("chat-core/src/engine/builder.rs", 2),
    ("chat-core/src/engine/room_task.rs", 5),
    ("chat-core/src/engine/shutdown.rs", 2),
    // The point between the steps of an erasure.
    ("chat-core/src/engine/erase.rs", 2),
    // The points on the way of a message through the outbox.
    ("chat-core/src/engine/outbox.rs", 4),
    ("chat-core/src/store/sea/outbox.rs", 3),
    // The points within a transaction: around the rows of an append and of an import, between the steps of a migration, and
    // around the rows of a step that rewrites texts.
    ("chat-core/src/store/sea/append.rs", 3),
    ("chat-core/src/store/sea/archive.rs", 3),
    ("chat-core/src/store/sea/sealing/rewrite.rs", 3),
    ("chat-core/src/store/sea/migration/m0001_rooms_and_events.rs", 3),
    ("chat-core/src/store/sea/migration/m0002_names.rs", 5),
    ("chat-core/src/store/sea/migration/m0003_message_index.rs", 5),
    ("chat-core/src/store/sea/migration/m0004_conversation.rs", 2),
    ("chat-core/src/store/sea/migration/m0005_users.rs", 2),
    ("chat-core/src/store/sea/migration/m0006_members.rs", 2),
    ("chat-core/src/store/sea/migration/m0007_invites_and_audit.rs", 3),
    ("chat-core/src/store/sea/migration/m0008_encryption.rs", 2),
    ("chat-core/src/store/sea/migration/m0009_outbox.rs", 2),
    ("chat-core/src/store/sea/migration/m0010_tail.rs", 2),
    ("chat-core/src/store/sea/migration/m0011_consumers.rs", 2),
    ("chat-core/src/store/sea/migration/tables.rs", 2),
    // The point in a handler: of a request, and of a frame.
    ("chat-http/src/middleware.rs", 2),
    ("chat-http/src/ws/drive.rs", 2),
    // What arms the server.
    ("src/main.rs", 4),
];

/// Where failpoints and bugs are at home.
const HOMES: &[&str] =
    &["chat-core/src/failpoints/", "chat-core/src/mutations/", "chat-core/src/testing/", "src/failpoints.rs"];

const WORDS: &[&str] = &["failpoints", "mutations", "Bug", "LogMutation", "MutatedState", "MutatedStore"];

/// Names a failpoint or a bug in other lines than those that are listed.
pub(crate) fn hooks(file: &File) -> Vec<Complaint> {
    let is_shipped = ["chat-core/src/", "chat-http/src/", "src/"].iter().any(|part| file.path.starts_with(part));
    if !is_shipped || !file.path.ends_with(".rs") || HOMES.iter().any(|home| file.path.starts_with(home)) {
        return vec![];
    }
    let code = code(&file.text);
    let mut lines: Vec<usize> =
        WORDS.iter().flat_map(|word| places(&code, word)).map(|at| line_of(&code, at)).collect();
    lines.sort_unstable();
    lines.dedup();
    let listed = HOOKS.iter().find(|(path, _)| *path == file.path).map_or(0, |(_, count)| *count);
    if lines.len() == listed {
        return vec![];
    }
    let found = lines.len();
    let what = format!(
        "lines that name failpoints or injected bugs: {found}, and {listed} in tests/tidy/hooks.rs; wrap what is broken \
         in chat-core/src/mutations/, or list the new point"
    );
    vec![(lines.last().copied().unwrap_or(1), what)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{complains, is_content};

    #[test]
    fn a_hook_where_none_is_listed() {
        complains(hooks, "chat-core/src/state/order.rs", "use a;\nif bug == Bug::DropDelivery {}\n", 2);
        complains(hooks, "src/metrics.rs", "#[cfg(failpoints)]\nfn a() {}\n", 1);
        is_content(hooks, "chat-core/src/state/order.rs", "//! No failpoints here.\n");
        is_content(hooks, "chat-core/src/mutations/state.rs", "use super::Bug;\n");
        is_content(hooks, "tests/server/kill_points.rs", "use chat_core::failpoints::Point;\n");
    }

    #[test]
    fn a_file_with_another_number_of_points_than_is_listed() {
        let builder = "chat-core/src/engine/builder.rs";
        let two = "#[cfg(failpoints)]\nlet store = crate::mutations::MutatedStore::wrap(store);\n";
        is_content(hooks, builder, two);
        complains(hooks, builder, &format!("{two}failpoints::reached(Point::InHandler);\n"), 3);
        complains(hooks, builder, "fn a() {}\n", 1);
    }
}
