//! The project's commands: `cargo xtask test`, `ci`, `bench`, `torture`, `mutations`, `openapi`, `api`, `tidy`, `deny`,
//! `versions`, `with`.
#![expect(clippy::print_stdout, reason = "a chore tells on standard output what it does")]

use std::{env, error::Error, process::ExitCode};

mod bench;
mod certificates;
mod ci;
mod deny;
mod install;
mod mutations;
mod servers;
mod sh;
mod test;
mod torture;
mod versions;

const HELP: &str = "\
cargo xtask test [FILTER]     install what the tests need, start the databases, run every test
cargo xtask ci                format, clippy, docs, house rules, features, then everything that `test` does
cargo xtask torture [OPTIONS] break a server in many ways while clients use it, and judge what they saw (--help tells more)
cargo xtask bench [OPTIONS]   put the same load on our server and on others (`--compare A B`: on two builds of ours)
cargo xtask mutations [NAME]  break the code a patch at a time, and have the simulator find each
cargo xtask openapi           rewrite openapi.yaml from the code
cargo xtask api               rewrite the lists of what is public in the libraries
cargo xtask tidy              check the house rules
cargo xtask deny              check the licences, sources, versions and known flaws of what others wrote
cargo xtask versions          check which versions of other crates fit beside chat-core, and the oldest compiler
cargo xtask with COMMAND ...  run a command with the databases up and the variables of the tests set
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let (chore, rest) = args.split_first().map_or(("help", &[][..]), |(chore, rest)| (chore.as_str(), rest));
    let done = match chore {
        "test" => test::run(rest),
        "ci" => ci::run(),
        // The torture reports errors itself, and its exit codes have meanings.
        "torture" => return torture::run(rest).unwrap_or_else(|error| failed(&*error)),
        "bench" => bench::run(rest),
        "mutations" => mutations::run(rest),
        "openapi" => ci::openapi(),
        "api" => ci::api(),
        "tidy" => ci::tidy(),
        "deny" => deny::run(),
        "versions" => versions::run(),
        "with" => test::with_servers(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("there is no chore {other:?}\n\n{HELP}").into()),
    };
    done.map_or_else(|error| failed(&*error), |()| ExitCode::SUCCESS)
}

fn failed(error: &dyn Error) -> ExitCode {
    eprintln!("\nerror: {error}");
    ExitCode::FAILURE
}
