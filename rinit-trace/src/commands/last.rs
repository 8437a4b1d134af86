//! `rinit-trace --container ID --last`: the report of a stop that has been.

use anyhow::Result;
use rinit_trace_core::arguments;

use super::{Exit, print_report};
use crate::{
    cli::TraceArgs,
    serve::{client, history},
};

/// Prints the newest stop of a container that the history, or else the daemon, has.
pub(super) async fn run(args: &TraceArgs, container: &str) -> Result<Exit> {
    let (found, place) = match &args.history {
        Some(folder) => (
            history::last_of(folder, container)?,
            format!("the history in {}", folder.display()),
        ),
        None => (
            client::last(args.daemon, container).await?,
            format!("the daemon at {}", args.daemon),
        ),
    };
    if let Some(mut report) = found {
        // Who kept it may have shown more.
        arguments::limit(&mut report, args.host.arguments.into());
        print_report(&report, args.output)?;
        return Ok(Exit::of(&report));
    }
    eprintln!(
        "error: {place} has no stop of {container}; give its name as reports print it, or its id"
    );
    Ok(Exit::NotTraced)
}
