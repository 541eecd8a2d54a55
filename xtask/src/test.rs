//! `cargo xtask test`: runs all tests, with everything that they need.

use std::{
    env, fmt,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::{
    install::{self, MYSQL, POSTGRES, Tools},
    servers::Servers,
    sh::{self, Result},
};

/// Runs all tests, or those whose name contains the filter.
pub(crate) fn run(filter: &[String]) -> Result {
    let summary = all(filter)?;
    println!("\n{summary}");
    Ok(())
}

/// Runs the tests, and leaves it to the caller to print the summary.
pub(crate) fn all(filter: &[String]) -> Result<Summary> {
    let (_servers, variables) = prepare()?;
    let mut tests = sh::cargo();
    // The same features as clippy's, so that everything is built once.
    tests.args(["test", "--workspace", "--all-features", "--no-fail-fast"]).args(filter);
    // What tests print (the simulator's counts, the conformance report) is of interest even if they pass.
    tests.args(["--", "--include-ignored", "--show-output"]).envs(variables);
    let (succeeded, summary, failures) = run_and_count(&mut tests)?;
    if !succeeded {
        // A failure may be thousands of lines above the end.
        println!("\n{}", failures.text);
        return Err(format!("tests failed\n\n{summary}").into());
    }
    if filter.is_empty() && summary.skipped > 0 {
        return Err(format!("tests were skipped, and each must run here\n\n{summary}").into());
    }
    if summary.passed == 0 {
        return Err("no test ran".into());
    }
    Ok(summary)
}

/// Runs a command with the databases up and the variables of the tests set.
pub(crate) fn with_servers(words: &[String]) -> Result {
    let (program, args) = words.split_first().ok_or("which command?")?;
    let (_servers, variables) = prepare()?;
    sh::run(Command::new(program).args(args).envs(variables).env(sh::FAILPOINTS, "1"))
}

/// Finds what the tests need, and installs what is missing.
pub(crate) fn tools() -> Result<Tools> {
    let are_given = env::var_os(POSTGRES).is_some() && env::var_os(MYSQL).is_some();
    install::tools(!are_given)
}

/// The variables in the environment of the tests and of the torture.
pub(crate) type Variables = Vec<(&'static str, String)>;

/// Prepares the environment of the tests. Servers that are named there already are used as they are.
pub(crate) fn prepare() -> Result<(Option<Servers>, Variables)> {
    let tools = tools()?;
    let paths = [
        ("KOSOKU", &tools.kosoku),
        ("CHAT_TEST_CHROMIUM", &tools.chromium),
        ("CHAT_TEST_FIREFOX", &tools.firefox),
        ("CHAT_TEST_NGINX", &tools.nginx),
        ("CHAT_TEST_BROWSER", &tools.browser),
        ("CHAT_TEST_UI", &tools.ui),
        ("CHAT_TEST_PYTHON", &tools.python),
        ("CHAT_TEST_REDOCLY", &tools.redocly),
        ("CHAT_TEST_TYPESCRIPT", &tools.typescript),
        ("CHAT_TEST_RUST", &tools.rust),
    ];
    let mut variables: Variables = paths.map(|(name, path)| (name, path.display().to_string())).into();
    let Some(databases) = &tools.databases else { return Ok((None, variables)) };
    let servers = Servers::start(databases)?;
    variables.push((POSTGRES, servers.postgres_url.clone()));
    variables.push((MYSQL, servers.mysql_url.clone()));
    variables.push((POSTGRES_CONTROL, servers.postgres_control.display().to_string()));
    variables.push((MYSQL_CONTROL, servers.mysql_control.display().to_string()));
    variables.push(("CHAT_TEST_POSTGRES_TLS_URL", servers.postgres_tls_url.clone()));
    variables.push(("CHAT_TEST_MYSQL_TLS_URL", servers.mysql_tls_url.clone()));
    variables.push(("CHAT_TEST_CERTIFICATES", servers.certificates.display().to_string()));
    println!("{POSTGRES}={}\n{MYSQL}={}", servers.postgres_url, servers.mysql_url);
    Ok((Some(servers), variables))
}

/// The counts of all test programs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Summary {
    /// Adds a test program's last line, such as `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered
    /// out; finished in 0.01s`. Other lines are ignored.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else { continue };
            let Ok(number) = number.parse::<usize>() else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Finds the second list of passed tests, which a test program prints at its end with `--show-output`.
#[derive(Debug, Default)]
struct SecondNames {
    is_within: bool,
}

impl SecondNames {
    /// Whether a line is part of such a list, or of the heading before the output of tests.
    fn has(&mut self, line: &str) -> bool {
        self.is_within = line == "successes:" || self.is_within && (line.is_empty() || line.starts_with("    "));
        self.is_within
    }
}

/// Collects the output of failed tests, which a test program prints between `failures:` and its last line.
#[derive(Debug, Default)]
struct Failures {
    is_within: bool,
    text: String,
}

impl Failures {
    /// Keeps a line if it is about a failure.
    fn add(&mut self, line: &str) {
        self.is_within = !line.starts_with("test result: ") && (self.is_within || line == "failures:");
        if self.is_within {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
}

/// Runs the tests, shows their output as it comes, counts them, and keeps the output of failed ones.
fn run_and_count(tests: &mut Command) -> Result<(bool, Summary, Failures)> {
    let mut child = tests.stdout(Stdio::piped()).spawn()?;
    let (mut summary, mut names, mut failures) = (Summary::default(), SecondNames::default(), Failures::default());
    let output = child.stdout.take().ok_or("no output to read")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if !names.has(&line) {
            println!("{line}");
        }
        summary.add(&line);
        failures.add(&line);
    }
    Ok((child.wait()?.success(), summary, failures))
}

const POSTGRES_CONTROL: &str = "CHAT_TEST_POSTGRES_CONTROL";
const MYSQL_CONTROL: &str = "CHAT_TEST_MYSQL_CONTROL";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_shown_once() {
        let log = "test a ... ok\ntest b ... ok\n\nsuccesses:\n\n---- b stdout ----\n    told\n\n\nsuccesses:\n    a\n    b\n\ntest \
            result: ok.";
        let mut names = SecondNames::default();
        let shown: Vec<&str> = log.lines().filter(|line| !names.has(line)).collect();
        let expected = "test a ... ok\ntest b ... ok\n\n---- b stdout ----\n    told\n\n\ntest result: ok.";
        assert_eq!(shown.join("\n"), expected);
    }

    #[test]
    fn failures_are_kept_for_the_end() {
        let log = "test a ... FAILED\n\nfailures:\n\n---- a stdout ----\n    told\n\n\nfailures:\n    a\n\ntest result: \
            FAILED. 0 passed; 1 failed\n\n     Running next";
        let mut failures = Failures::default();
        log.lines().for_each(|line| failures.add(line));
        assert_eq!(failures.text, "failures:\n\n---- a stdout ----\n    told\n\n\nfailures:\n    a\n\n");
    }

    #[test]
    fn the_lines_of_all_test_programs_are_added_up() {
        let mut summary = Summary::default();
        summary.add("running 3 tests");
        summary.add("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s");
        summary
            .add("test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        assert_eq!(summary, Summary { passed: 7, failed: 2, skipped: 1 });
        assert_eq!(summary.to_string(), "7 passed, 2 failed, 1 skipped");
    }
}
