//! `rinit-trace --container ID --last`: the report of a stop that has been.

use std::net::SocketAddr;

use anyhow::Result;
use rinit_trace_core::{arguments, model::StopReport};

use super::{Exit, print_report};
use crate::{
    cli::{API_SOCKET, DAEMON, TraceArgs},
    serve::{
        client::{self, Place},
        history, token,
    },
};

/// Prints the newest stop of a container that the history, or else the daemon, has.
pub(super) async fn run(args: &TraceArgs, container: &str) -> Result<Exit> {
    let (found, place) = match &args.history {
        Some(folder) => (
            history::last_of(folder, container)?,
            format!("the history in {}", folder.display()),
        ),
        None => {
            let (found, place) = ask(args, container).await?;
            (found, format!("the daemon at {place}"))
        }
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

/// A daemon where the options say; else the one that runs as a service, or by hand.
async fn ask(args: &TraceArgs, container: &str) -> Result<(Option<StopReport>, Place)> {
    let at_address = |addr: SocketAddr| -> Result<Place> {
        let token = args.api_token_file.as_deref().map(token::read);
        Ok(Place::Tcp(addr, token.transpose()?))
    };
    let place = match (args.daemon, &args.api_socket) {
        (_, Some(path)) => Place::Socket(path.clone()),
        (Some(addr), None) => at_address(addr)?,
        (None, None) => {
            let place = Place::Socket(API_SOCKET.into());
            match client::last(&place, container).await {
                Err(error) if error.is_nobody() => at_address(DAEMON)?,
                found => return Ok((found?, place)),
            }
        }
    };
    Ok((client::last(&place, container).await?, place))
}
