//! The program: serve, demo, import, migrate, bench, and the commands for people.

use std::error::Error as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};
use dealflow::commands::{Cli, Command};
use dealflow::show;
use tonic::Status;

/// Much of a call is small messages that come and go; the system's allocator took a sixth of the processor for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long what is still at work may take once a command has ended.
const LAST: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    // Wrong arguments end here, with 2.
    let matches = Cli::command().get_matches();
    let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let (Command::Serve(serve), Some(("serve", typed))) = (&mut cli.command, matches.subcommand()) {
        serve.note(typed);
    }
    let unsaid = matches.value_source("log_filter") == Some(ValueSource::DefaultValue);
    if unsaid && !matches!(cli.command, Command::Serve(_)) {
        // A command for people speaks by its output; what a suite that it starts tells of itself would be noise, and so
        // would what a call broke at, which is told with its refusal, and a collector that is away.
        "warn,dealflow_chassis::link=error,dealflow_chassis::telemetry=error".clone_into(&mut cli.telemetry.log_filter);
    }
    if !matches!(cli.command, Command::Serve(_)) {
        end_quietly_with_the_reader();
    }
    let as_data = asks_for_data(&matches);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return told(&error.into(), as_data),
    };
    let ended = runtime.block_on(run(cli));
    runtime.shutdown_timeout(LAST);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => told(&error, as_data),
    }
}

/// `dealflow … | head`: whoever reads the output has seen enough, which is no fault of ours. A server goes on all the
/// same, for its output is not what it is there for.
fn end_quietly_with_the_reader() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let said = panic.payload_as_str().unwrap_or_default();
        if said.starts_with("failed printing to stdout") && said.contains("Broken pipe") {
            std::process::exit(0);
        }
        tell(panic);
    }));
}

async fn run(mut cli: Cli) -> anyhow::Result<()> {
    cli.telemetry.scraped = matches!(&cli.command, Command::Serve(serve) if serve.admin_listen.is_some());
    let telemetry = cli.telemetry.init()?;
    let ended = cli.command.run().await;
    telemetry.flush().await;
    ended
}

/// Whether the command, whichever it is, was asked for data.
fn asks_for_data(matches: &ArgMatches) -> bool {
    let command = std::iter::successors(Some(matches), |&at| at.subcommand().map(|(_, deeper)| deeper)).last();
    command.is_some_and(|command| matches!(command.try_get_one::<bool>("json"), Ok(Some(true))))
}

/// Tells on the error stream why a command ended without success: what was being done, and the refusal in full; as data
/// where the result would have been data.
fn told(error: &anyhow::Error, as_data: bool) -> ExitCode {
    let refused = error.chain().position(|cause| cause.is::<Status>());
    let said: Vec<String> = error.chain().take(refused.unwrap_or(usize::MAX)).map(ToString::to_string).collect();
    let status = error.chain().find_map(|cause| cause.downcast_ref::<Status>());
    // What did not come to the server or back from it is told by what it broke at, which only this side knows.
    let broke = status.and_then(|status| std::iter::successors(status.source(), |&cause| cause.source()).last());
    let broke = broke.map(ToString::to_string);
    if as_data {
        eprintln!("{:#}", show::json::failure(&said.join(": "), status, broke.as_deref()));
        return ExitCode::FAILURE;
    }
    if !said.is_empty() {
        eprintln!("error: {}", said.join(": "));
    }
    if let Some(status) = status {
        eprintln!("{}", show::refusal(status));
    }
    if let Some(broke) = broke {
        eprintln!("cause: {broke}");
    }
    ExitCode::FAILURE
}
