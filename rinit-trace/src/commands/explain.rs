//! `rinit-trace explain`

use anyhow::Result;
use rinit_trace_core::{
    knowledge::Topic,
    render::{self, TextOptions},
};

use super::{Exit, put, wants_color};
use crate::cli::ExplainArgs;

/// Prints what is known about a word of a report, or lists all words. Needs neither root nor eBPF.
pub fn run(args: &ExplainArgs) -> Result<Exit> {
    let options = TextOptions {
        color: wants_color(),
    };
    let Some(id) = &args.id else {
        put(&render::articles(&options))?;
        return Ok(Exit::Ok);
    };
    let topics = Topic::named(id);
    if topics.is_empty() {
        eprintln!("error: {}", unknown(id));
        return Ok(Exit::Usage);
    }
    let articles: Vec<String> = topics
        .into_iter()
        .map(|topic| render::article(topic, &options))
        .collect();
    put(&articles.join("\n"))?;
    Ok(Exit::Ok)
}

fn unknown(id: &str) -> String {
    let id = id.escape_debug();
    match Topic::near(&id.to_string()).as_slice() {
        [] => format!("no report says `{id}`; `rinit-trace explain` lists what they say"),
        near => format!(
            "no report says `{id}`; did you mean {}? `rinit-trace explain` lists what they say",
            near.join(", ")
        ),
    }
}
