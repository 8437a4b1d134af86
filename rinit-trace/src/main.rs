//! The command line of rinit-trace.

use std::{io, process::ExitCode};

use clap::Parser as _;
use rinit_trace::{
    cli::{Cli, Command, LogFormat},
    commands::{self, Exit},
    demo, logs,
    privileges::Loader,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    init_logs(&cli);
    let result = run(&cli);
    logs::finish();
    let exit = result.unwrap_or_else(|error| {
        if is_broken_pipe(&error) {
            // `rinit-trace | head`: the reader has seen enough.
            return Exit::Ok;
        }
        eprintln!("error: {error:#}");
        Exit::NotTraced
    });
    ExitCode::from(exit.code())
}

fn run(cli: &Cli) -> anyhow::Result<Exit> {
    if let Some(Command::Workload { program, children }) = &cli.command {
        // Must not return, nor start a runtime: it is PID 1 of a namespace.
        match demo::workload::run(program, children)? {}
    }
    if let Some(Command::Explain(args)) = &cli.command {
        return commands::explain::run(args);
    }
    // With all rights: to give it to a group takes one that is given up.
    let socket = match &cli.command {
        Some(Command::Daemon(args)) => commands::daemon::socket(args)?,
        _ => None,
    };
    // Before there is any other thread. The demo starts containers, which takes all that it has.
    let loader = match &cli.command {
        Some(Command::Demo(_)) => Loader::with_all_rights(),
        Some(Command::Daemon(args)) => Loader::separate((1..1024).contains(&args.listen.port())),
        _ => Loader::separate(false),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        match &cli.command {
            None => commands::trace::run(&cli.trace, cli.verbose > 0, loader).await,
            Some(Command::SystemInfo(args)) => commands::system_info::run(args, loader).await,
            Some(Command::Daemon(args)) => commands::daemon::run(args, loader, socket).await,
            Some(Command::Demo(args)) => commands::demo::run(args).await,
            Some(Command::Explain(_) | Command::Workload { .. }) => Ok(Exit::Usage),
        }
    });
    // What hangs, such as the lookup of a host's name, must not hold up the end.
    runtime.shutdown_background();
    result
}

/// Logs go to stderr; reports alone go to stdout.
fn init_logs(cli: &Cli) {
    let daemon = match &cli.command {
        Some(Command::Daemon(args)) => Some(args),
        _ => None,
    };
    // What a daemon does is read later, by somebody who was not there.
    let level = match cli.verbose + u8::from(daemon.is_some()) {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let format = daemon.map_or(LogFormat::Text, |args| args.log_format);
    logs::init(level, format);
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
