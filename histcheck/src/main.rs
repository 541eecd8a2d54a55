//! `histcheck FILE` checks a history; without a file it reads standard input. Exit code 0: clean; 1: anomalies; 2:
//! unreadable.

use std::{
    env,
    fs::File,
    io::{self, BufReader, Write},
    process::ExitCode,
};

use histcheck::{check, read};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            // If standard error is closed, there is nobody to tell.
            let _ = writeln!(io::stderr(), "histcheck: {message}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, String> {
    let mut arguments = env::args_os().skip(1);
    let records = match (arguments.next(), arguments.next()) {
        (None, _) => read(io::stdin().lock()),
        (Some(path), None) => {
            let file = File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            read(BufReader::new(file))
        }
        (Some(_), Some(_)) => return Err("usage: histcheck [FILE]".into()),
    };
    let report = check(&records.map_err(|error| error.to_string())?);
    writeln!(io::stdout(), "{report}").map_err(|error| error.to_string())?;
    Ok(report.is_clean())
}
