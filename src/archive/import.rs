//! `chatd import`: rooms into a database.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, Read, Write},
    path::PathBuf,
};

use chat_core::{
    Actor, ChatEngine, Database, Error, InvalidField, Room, RoomImport, RoomName,
    append::Claim,
    archive::{ArchiveError, Archived, RoomHead},
};

use super::{
    codec::{End, Said},
    line::{Line, MAX_LINE, VERSION},
};
use crate::{failure::Failure, opening::open, progress::Progress};

/// Makes new rooms of what a file or standard input has.
pub(crate) async fn import(database: Database, input: Option<PathBuf>, name: Option<String>) -> Result<(), Failure> {
    let mut lines = Lines::open(input)?;
    // What is no export is refused before a database is opened, or made.
    let rooms = announced(&mut lines, name.as_deref())?;
    let engine = open(database).await?;
    let imported = import_all(&engine, &mut lines, rooms).await;
    engine.shutdown().await;
    for room in imported? {
        // It is imported, even if nobody reads this.
        let line = format!("room {} is {}, with its events up to {}\n", room.id, room.name, room.head);
        drop(io::stdout().write_all(line.as_bytes()));
    }
    Ok(())
}

/// A room that the file has, and the line that says so.
struct Announced {
    line: u64,
    room: u64,
    head: RoomHead,
}

/// Reads the beginning of the file: which rooms it has.
fn announced(lines: &mut Lines, name: Option<&str>) -> Result<Vec<Announced>, Failure> {
    lines.expect_next()?;
    if let Some(version) = Line::version(&lines.line).filter(|version| !Line::reads_version(*version)) {
        let reason = format!("{version} is not known; this program reads versions up to {VERSION}");
        return Err(lines.bad("version", reason));
    }
    let Said::Export { rooms: count } = lines.said()? else {
        return Err(lines.bad("type", "must be export: this is the first line"));
    };
    let name = name.map(RoomName::new).transpose();
    let name = name.map_err(|invalid| Failure::new(Failure::COMMAND_LINE, format!("--name: {}", invalid.reason)))?;
    if name.is_some() && count != 1 {
        let text = format!("--name is for a file with one room, and this one has {count}");
        return Err(Failure::new(Failure::COMMAND_LINE, text));
    }
    let (mut rooms, mut claims) = (Vec::new(), HashSet::new());
    while (rooms.len() as u64) < count {
        lines.expect_next()?;
        let Said::Room { room, mut head } = lines.said()? else {
            return Err(lines.bad("type", format!("must be room: the file says that it has {count}")));
        };
        if let Some(name) = &name {
            head.name = name.clone();
        }
        if head.claim().is_some_and(|claim| !claims.insert(claim)) {
            return Err(lines.bad(claimed(&head), "another room of the file has it"));
        }
        rooms.push(Announced { line: lines.number, room, head: *head });
    }
    Ok(rooms)
}

/// Imports all rooms, or none.
async fn import_all(engine: &ChatEngine, lines: &mut Lines, rooms: Vec<Announced>) -> Result<Vec<Room>, Failure> {
    for Announced { line, head, .. } in &rooms {
        let holder = match head.claim() {
            Some(Claim::External(key)) => engine.room_by_external(Actor::System, &key).await,
            Some(Claim::Name(_)) => engine.room_by_name(Actor::System, head.name.as_str()).await,
            Some(Claim::Pair(_)) | None => continue,
        };
        match holder {
            Err(Error::RoomNotFound) => {}
            Ok(room) => return Err(taken(*line, head, &room)),
            Err(error) => return Err(failed(&error)),
        }
    }
    let progress = Progress::start("importing", lines.total);
    let mut imports = Vec::new();
    let mut before = 0;
    for announced in rooms {
        let (line, head) = (announced.line, announced.head.clone());
        let section = Section::begin(engine, announced).await.map_err(|error| {
            if let Error::NameTaken { room: Some(room) } = &error { taken(line, &head, room) } else { failed(&error) }
        })?;
        let (import, events) = section.read(lines, before, &progress).await?;
        imports.push(import);
        before += events;
    }
    if lines.advance()? {
        return Err(lines.bad("line", "must not be there: all rooms have ended"));
    }
    let rooms = engine.finish_imports(imports).await.map_err(|error| failed(&error))?;
    tracing::info!(rooms = rooms.len(), events = before, "imported");
    Ok(rooms)
}

/// A room that is being read.
struct Section {
    import: RoomImport,
    counted: End,
    /// What was read and is not stored yet, and the number of the line of the first of it.
    batch: Vec<Archived>,
    batch_line: u64,
    batch_bytes: usize,
}

impl Section {
    async fn begin(engine: &ChatEngine, Announced { room, head, .. }: Announced) -> Result<Self, Error> {
        let counted = End::before(room, &head);
        let import = engine.import_room(head).await?;
        Ok(Self { import, counted, batch: Vec::new(), batch_line: 0, batch_bytes: 0 })
    }

    /// Reads the room up to its end; returns it, and how many events it has.
    async fn read(mut self, lines: &mut Lines, before: u64, progress: &Progress) -> Result<(RoomImport, u64), Failure> {
        loop {
            let bytes = lines.expect_next()?;
            match lines.said()? {
                Said::Item(item) => {
                    let is_late = matches!(*item, Archived::Event(_))
                        && self.counted.marks + self.counted.settings + self.counted.members > 0;
                    if is_late {
                        return Err(lines.bad("type", "must not be an event: those stand before marks and settings"));
                    }
                    self.take(*item, lines.number, bytes);
                    if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
                        self.store().await?;
                        progress.at(if lines.total.is_some() { lines.bytes } else { before + self.counted.events });
                    }
                }
                Said::End(end) => {
                    // What does not fit is told rather than what is missing.
                    self.store().await?;
                    return self.ended(end, lines);
                }
                Said::Export { .. } | Said::Room { .. } => {
                    return Err(lines.bad("type", "must be an event, a mark, a setting or the end of the room"));
                }
            }
        }
    }

    fn ended(self, end: End, lines: &Lines) -> Result<(RoomImport, u64), Failure> {
        if end.room != self.counted.room {
            return Err(lines.bad("room", format!("must be {}, of which this is the end", self.counted.room)));
        }
        if end != self.counted {
            let reason = "counts others than there are: lines of this room are missing, or too many";
            return Err(lines.bad("line", reason));
        }
        Ok((self.import, end.events))
    }

    fn take(&mut self, item: Archived, line: u64, bytes: usize) {
        if self.batch.is_empty() {
            self.batch_line = line;
        }
        self.counted.count(&item);
        self.batch.push(item);
        self.batch_bytes += bytes;
    }

    async fn store(&mut self) -> Result<(), Failure> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        if batch.is_empty() {
            return Ok(());
        }
        self.import.put(&batch).await.map_err(|error| {
            if let ArchiveError::Misfit(misfit) = error {
                return Lines::bad_at(self.batch_line + misfit.index as u64, misfit.invalid);
            }
            failed(&error)
        })
    }
}

/// The lines of a file. None of them is in memory longer than it is read.
struct Lines {
    input: BufReader<Box<dyn Read + Send>>,
    /// The line that was read.
    line: Vec<u8>,
    /// Its number, from 1.
    number: u64,
    /// How many bytes were read.
    bytes: u64,
    /// How many there are, if that is known.
    total: Option<u64>,
}

impl Lines {
    fn open(path: Option<PathBuf>) -> Result<Self, Failure> {
        let (input, total): (Box<dyn Read + Send>, _) = match path {
            Some(path) => {
                let file = File::open(path).map_err(|error| cannot_read(&error))?;
                let metadata = file.metadata().map_err(|error| cannot_read(&error))?;
                let total = metadata.is_file().then_some(metadata.len());
                (Box::new(file), total)
            }
            None if io::stdin().is_terminal() => {
                let text = "give a file to import, or its lines on standard input: chatd import rooms.ndjson";
                return Err(Failure::new(Failure::COMMAND_LINE, text));
            }
            None => (Box::new(io::stdin()), None),
        };
        let input = BufReader::with_capacity(1 << 16, input);
        Ok(Self { input, line: Vec::new(), number: 0, bytes: 0, total })
    }

    /// Reads the next line; `false` at the end.
    fn advance(&mut self) -> Result<bool, Failure> {
        self.line.clear();
        self.number += 1;
        let most = MAX_LINE as u64 + 1;
        let read = self.input.by_ref().take(most).read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| cannot_read(&error))?;
        self.bytes += read as u64;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        if self.line.len() > MAX_LINE {
            return Err(self.bad("line", "is longer than 1 MiB, which no line of an export is"));
        }
        Ok(read > 0)
    }

    /// Reads the next line, which has to be there; returns how long it is.
    fn expect_next(&mut self) -> Result<usize, Failure> {
        if self.advance()? { Ok(self.line.len()) } else { Err(self.bad("line", "is missing: the file was cut off")) }
    }

    /// What the line says.
    fn said(&self) -> Result<Said, Failure> {
        let said = Line::parse(&self.line).and_then(Line::said);
        said.map_err(|invalid| Self::bad_at(self.number, invalid))
    }

    fn bad(&self, field: &'static str, reason: impl Into<String>) -> Failure {
        Self::bad_at(self.number, InvalidField::new(field, reason.into()))
    }

    fn bad_at(number: u64, InvalidField { field, reason }: InvalidField) -> Failure {
        // What is wrong with the line as a whole has no field.
        let what = if field == "line" { format!(" {reason}") } else { format!(": {field}: {reason}") };
        Failure::new(Failure::FILE, format!("line {number}{what}; nothing was imported"))
    }
}

/// The field that says what a room is to have for itself.
fn claimed(head: &RoomHead) -> &'static str {
    if head.external.is_some() { "external" } else { "name" }
}

fn taken(line: u64, head: &RoomHead, room: &Room) -> Failure {
    let hint = if head.external.is_some() { "" } else { " (see --name)" };
    let text = format!("line {line}: {}: room {} has it already; nothing was imported{hint}", claimed(head), room.id);
    Failure::new(Failure::FILE, text)
}

fn failed(error: &impl std::error::Error) -> Failure {
    Failure::new(Failure::DATABASE, format!("nothing was imported: {error}"))
}

fn cannot_read(error: &io::Error) -> Failure {
    Failure::new(Failure::FILE, format!("cannot read the file: {error}; nothing was imported"))
}

/// How many lines are stored at once,
const BATCH: usize = 500;
/// and how many bytes of lines at most, but for the last of them.
const BATCH_BYTES: usize = 1 << 20;
