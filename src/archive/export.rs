//! `chatd export`: rooms out of a database.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use chat_core::{Actor, ChatEngine, Database, Error, Room, RoomExport, RoomId, RoomQuery, archive::Archived};

use super::{codec::End, line::Line};
use crate::{failure::Failure, opening::open, private_file, progress::Progress};

/// Writes these rooms, or all of them, to a file or to standard output.
pub(crate) async fn export(database: Database, rooms: Vec<String>, output: Option<PathBuf>) -> Result<(), Failure> {
    let engine = open(database).await?;
    let written = async {
        let rooms = find(&engine, &rooms).await?;
        let mut output = Output::open(output)?;
        let events = write_all(&engine, &rooms, &mut output).await?;
        output.finish()?;
        tracing::info!(rooms = rooms.len(), events, "exported");
        Ok(())
    };
    let written = written.await;
    engine.shutdown().await;
    written
}

/// The rooms with these names or ids, each once; without any, all there are.
async fn find(engine: &ChatEngine, wanted: &[String]) -> Result<Vec<Room>, Failure> {
    let mut rooms = Vec::new();
    if wanted.is_empty() {
        let mut query = RoomQuery::default().limit(100);
        loop {
            let page = engine.rooms(Actor::System, query.clone()).await.map_err(|error| failed(&error))?;
            rooms.extend(page.rooms);
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(rooms),
            }
        }
    }
    let mut known = BTreeSet::new();
    for wanted in wanted {
        let mut found = engine.room_by_name(Actor::System, wanted).await;
        if let (Err(Error::RoomNotFound), Ok(id)) = (&found, wanted.parse()) {
            found = engine.room(Actor::System, RoomId(id)).await;
        }
        let room = found.map_err(|error| {
            if matches!(error, Error::RoomNotFound | Error::InvalidField { .. }) {
                return Failure::new(Failure::COMMAND_LINE, format!("there is no room {wanted:?}"));
            }
            failed(&error)
        })?;
        if known.insert(room.id) {
            rooms.push(room);
        }
    }
    Ok(rooms)
}

/// Writes all lines; returns how many events there were.
async fn write_all(engine: &ChatEngine, rooms: &[Room], output: &mut Output) -> Result<u64, Failure> {
    output.line(&Line::first(engine.epoch(), rooms.len() as u64))?;
    let mut exports = Vec::new();
    for room in rooms {
        let export = engine.export_room(room.id).await.map_err(|error| failed(&error))?;
        output.line(&Line::room(room.id, export.head()))?;
        exports.push(export);
    }
    let total = rooms.iter().map(|room| room.head.0 + 1 - room.first_seq.0).sum();
    let progress = Progress::start("exporting", Some(total));
    let mut events = 0;
    for export in exports {
        events = write_room(export, output, events, &progress).await?;
    }
    Ok(events)
}

/// Writes what is kept of a room; returns how many events there were with those before.
async fn write_room(
    mut export: RoomExport,
    output: &mut Output,
    before: u64,
    progress: &Progress,
) -> Result<u64, Failure> {
    let mut end = End::before(export.room().0, export.head());
    loop {
        let part: Vec<Archived> = export.next().await.map_err(|error| failed(&error))?;
        if part.is_empty() {
            break;
        }
        for item in &part {
            output.line(&Line::item(item))?;
            end.count(item);
        }
        progress.at(before + end.events);
    }
    output.line(&Line::end(end))?;
    Ok(before + end.events)
}

fn failed(error: &impl std::error::Error) -> Failure {
    Failure::new(Failure::DATABASE, format!("the database could not be read: {error}"))
}

/// Where an export goes. A file has another name until it is whole; dropped before, it is removed.
struct Output {
    writer: BufWriter<Target>,
    buffer: Vec<u8>,
}

enum Target {
    Standard(io::Stdout),
    File { file: File, part: PathBuf, path: PathBuf },
}

impl Output {
    fn open(path: Option<PathBuf>) -> Result<Self, Failure> {
        let target = match path {
            None => Target::Standard(io::stdout()),
            Some(path) => {
                let part = private_file::part_of(&path);
                let part = part.ok_or_else(|| Failure::new(Failure::FILE, "the output is no name of a file"))?;
                let file = private_file::options().open(&part).map_err(|error| cannot_write(&error))?;
                Target::File { file, part, path }
            }
        };
        Ok(Self { writer: BufWriter::with_capacity(1 << 16, target), buffer: Vec::new() })
    }

    fn line(&mut self, line: &Line) -> Result<(), Failure> {
        self.buffer.clear();
        line.append_to(&mut self.buffer).map_err(|error| cannot_write(&error.into()))?;
        self.writer.write_all(&self.buffer).map_err(|error| cannot_write(&error))
    }

    /// All was written: a file gets its name.
    fn finish(mut self) -> Result<(), Failure> {
        self.writer.flush().map_err(|error| cannot_write(&error))?;
        let Target::File { file, part, path } = self.writer.get_ref() else { return Ok(()) };
        file.sync_all().and_then(|()| fs::rename(part, path)).map_err(|error| cannot_write(&error))
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Standard(stdout) => stdout.write(bytes),
            Self::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Standard(stdout) => stdout.flush(),
            Self::File { file, .. } => file.flush(),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Self::File { part, .. } = self {
            // Once it was renamed there is none, and what cannot be removed has a name that tells what it is.
            let _ = fs::remove_file(part);
        }
    }
}

fn cannot_write(error: &io::Error) -> Failure {
    Failure::new(Failure::FILE, format!("cannot write the export: {error}"))
}
