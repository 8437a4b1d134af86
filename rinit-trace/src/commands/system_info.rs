//! `rinit-trace system-info`

use std::fmt::Write as _;

use anyhow::Result;
use serde::Serialize;

use super::{Exit, put, start};
use crate::{
    cli::{InfoOutput, SystemInfoArgs},
    kernel::{SystemInfo, attach::Mechanism},
    privileges::{Loader, Privileges},
    runtime::{self, Socket},
};

/// All that is printed, as JSON.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    info: &'a SystemInfo,
    /// The sockets of runtimes.
    sockets: &'a [Socket],
}

/// Starts the kernel side, prints how that went, and stops it.
pub async fn run(args: &SystemInfoArgs, loader: Loader) -> Result<Exit> {
    let (started, info) = start::kernel(args.kernel.options(), loader);
    let sockets = runtime::sockets(&start::lookup_config(&args.sockets)).await;
    match args.output {
        InfoOutput::Text => put(&text(&info, &sockets))?,
        InfoOutput::Json => {
            let (info, sockets) = (&info, sockets.as_slice());
            let json = serde_json::to_string_pretty(&Shown { info, sockets })?;
            put(&format!("{json}\n"))?;
        }
    }
    Ok(match started {
        Ok(_) => Exit::Ok,
        Err(error) => {
            eprintln!("error: {error}");
            Exit::NotTraced
        }
    })
}

fn text(info: &SystemInfo, sockets: &[Socket]) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name:<16}{value}");
    };
    line("rinit-trace", info.version);
    line("kernel", &format!("{} {}", info.kernel, info.machine));
    line(
        "lockdown",
        info.lockdown
            .as_deref()
            .unwrap_or("not shown by this kernel"),
    );
    line("BTF", &info.btf);
    line("eBPF built by", info.ebpf_toolchain);
    let yes = |value: bool| if value { "yes" } else { "no" };
    line("probe reads", yes(info.features.probe_read));
    line("namespace ids", yes(info.features.namespace_ids));
    for way in &info.not_taken {
        line("not taken", way);
    }
    for probe in &info.probes {
        let how = match probe.mechanism {
            Some(mechanism) => format!("attached by {}", mechanism_name(mechanism)),
            None => format!("not attached; lost: {}", probe.lost_without),
        };
        let instructions = match (probe.verified_instructions, probe.instructions) {
            (Some(count), _) => format!(" ({count} instructions verified)"),
            (None, Some(count)) => format!(" ({count} instructions)"),
            (None, None) => String::new(),
        };
        line("probe", &format!("{}: {how}{instructions}", probe.hook));
        for refused in &probe.refused {
            let name = mechanism_name(refused.mechanism);
            line("", &format!("  {name} refused: {}", refused.reason));
        }
    }
    line("self-test", &self_test(info));
    for (index, told) in privileges(&info.privileges).iter().enumerate() {
        line(if index == 0 { "privileges" } else { "" }, told);
    }
    for socket in sockets {
        let path = crate::escape::visible(socket.path.to_string_lossy().chars());
        line("socket", &format!("{path}: {}", socket.state.text()));
    }
    for problem in &info.problems {
        line("problem", problem);
    }
    out
}

/// What is left of them while it traces.
fn privileges(left: &Privileges) -> Vec<String> {
    let kept = left.kept.iter();
    let mut lines: Vec<String> = kept
        .map(|kept| format!("{} kept for {}", kept.name, kept.reason))
        .collect();
    if lines.is_empty() {
        lines.push("no capability kept".to_owned());
    }
    if left.no_new_privs {
        lines.push("no_new_privs set".to_owned());
    }
    let failures = left.failures.iter();
    lines.extend(failures.map(|failure| format!("not given up: {failure}")));
    lines
}

fn self_test(info: &SystemInfo) -> String {
    match &info.self_test {
        None => "not run".to_owned(),
        Some(test) if test.passed => {
            let mut text = format!("passed: {}", test.agreed.join(", "));
            for skipped in &test.skipped {
                let _ = write!(text, "; not compared: {skipped}");
            }
            text
        }
        Some(test) => format!("FAILED: {}", test.differed.join("; ")),
    }
}

fn mechanism_name(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::BtfTracepoint => "BTF tracepoint",
        Mechanism::RawTracepoint => "raw tracepoint",
        Mechanism::Fentry => "fentry",
        Mechanism::Kprobe => "kprobe",
    }
}
