//! What a run comes to, for people.

use std::fmt::{self, Display, Formatter};

use crate::run::Report;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: the server was started {} times, killed {} times", self.seed, self.starts, self.kills)?;
        for deed in &self.deeds {
            let (at, took) = (deed.at.as_secs_f64(), deed.took.as_secs_f64());
            let (done, what) = match &deed.what {
                Ok(what) => ("", what),
                Err(why) => ("NOT DONE: ", why),
            };
            writeln!(f, "  {at:6.1} s, for {took:4.1} s: {}: {done}{what}", deed.fault.name())?;
        }
        for (fault, why) in &self.skipped {
            writeln!(f, "  skipped {}: {why}", fault.name())?;
        }
        writeln!(f, "{} (judged in {:.1} s)", self.judged, self.judging.as_secs_f64())?;
        for complaint in &self.complaints {
            writeln!(f, "wrong: {complaint}")?;
        }
        if let Some(folder) = &self.kept {
            writeln!(f, "history and log: {}", folder.display())?;
        }
        Ok(())
    }
}
