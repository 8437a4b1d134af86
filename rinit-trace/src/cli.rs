//! The command line: what may be asked, before anything is done.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use rinit_trace_core::model::Arguments;

use crate::{
    demo::{docker, workload},
    kernel::{
        BUDGET, KernelOptions,
        attach::{Teardown, Tracepoints},
    },
    serve::metrics::MetricLabel,
};

/// Where the daemon listens unless told otherwise: nobody beyond this host can ask it.
const LISTEN: &str = "127.0.0.1:9763";

/// The same, for the client.
pub const DAEMON: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9763);

/// The socket of a daemon that runs as a service.
pub const API_SOCKET: &str = "/run/rinit-trace/api.sock";

/// Shows why a container did not stop cleanly.
///
/// Without a command, traces every container of this host and prints each stop until Ctrl-C; with
/// --container, traces one and ends when that has stopped.
#[derive(Debug, Parser)]
#[command(
    name = "rinit-trace",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Exit codes of --container: 0 graceful, 1 forced, 2 wrong usage, 3 could not trace, unknown, timed out or interrupted."
)]
pub struct Cli {
    /// What to do; tracing when left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to trace.
    #[command(flatten)]
    pub trace: TraceArgs,
    /// Tell more of what is going on (twice: even more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what this kernel offers, how each probe was attached, and the result of the self-test
    SystemInfo(SystemInfoArgs),
    /// Trace for months: reports on stdout, metrics and an API over HTTP
    Daemon(Box<DaemonArgs>),
    /// Explain a word of a report: what the kernel did, how to see it, what to change
    Explain(ExplainArgs),
    /// Stop small workloads in pid namespaces of their own and report each stop
    Demo(DemoArgs),
    /// Be one of the demo's workloads
    #[command(hide = true)]
    Workload {
        /// Which: a name and traits
        #[arg(value_parser = workload::check)]
        program: String,
        /// Its children: the same, chained by `>`
        #[arg(value_parser = workload::check)]
        children: Vec<String>,
    },
}

/// Options of tracing.
#[derive(Debug, Clone, Args)]
pub struct TraceArgs {
    /// Trace one workload: a container's name or id (or the beginning of the id), POD/CONTAINER,
    /// NAMESPACE/POD/CONTAINER, `pid:N` or `pidns:INUM`; one that Docker has made and not started is
    /// waited for
    #[arg(long, value_name = "ID")]
    pub container: Option<String>,
    /// How to print reports
    #[arg(short, long, value_enum, default_value_t = Output::Text, env = "RINIT_TRACE_OUTPUT")]
    pub output: Output,
    /// Give up after this many seconds (`90`, `1.5`, `500ms`, `10m`)
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// Print the last stop of --container instead of waiting for the next one: from --history, else
    /// from a daemon on this host
    #[arg(long, requires = "container", conflicts_with = "timeout")]
    pub last: bool,
    /// Keep stops as JSON lines in this folder, too; with --last, read them there
    #[arg(long, value_name = "DIR", env = "RINIT_TRACE_HISTORY")]
    pub history: Option<PathBuf>,
    /// Where the daemon listens that --last asks; by default its socket, else 127.0.0.1:9763
    #[arg(long, value_name = "ADDR:PORT", env = "RINIT_TRACE_LISTEN")]
    pub daemon: Option<SocketAddr>,
    /// The socket of the daemon that --last asks, if not /run/rinit-trace/api.sock
    #[arg(long, value_name = "PATH", env = "RINIT_TRACE_API_SOCKET")]
    pub api_socket: Option<PathBuf>,
    /// A file with the token that the daemon at --daemon wants
    #[arg(long, value_name = "FILE", env = "RINIT_TRACE_API_TOKEN_FILE")]
    pub api_token_file: Option<PathBuf>,
    /// How to look at this host.
    #[command(flatten)]
    pub host: HostArgs,
}

/// How to look at this host: of every command that traces.
#[derive(Debug, Clone, Args)]
pub struct HostArgs {
    /// Name of this host in reports; by default its host name
    #[arg(long, value_name = "NAME", env = "RINIT_TRACE_NODE")]
    pub node: Option<String>,
    /// How much of the arguments of processes is shown, in every output
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        default_value_t,
        env = "RINIT_TRACE_ARGUMENTS"
    )]
    pub arguments: ShownArguments,
    /// Longest report as JSON, in KiB: what says least is left out of a longer one, and counted; 0 for no limit
    #[arg(
        long,
        value_name = "KIB",
        default_value_t = 1024,
        env = "RINIT_TRACE_REPORT_KIB"
    )]
    pub report_kib: u32,
    /// The sockets of runtimes.
    #[command(flatten)]
    pub sockets: SocketArgs,
    /// Size of the ring buffer in KiB, rounded up to a power of two
    #[arg(long, value_name = "KIB", default_value_t = 4096, env = "RINIT_TRACE_RING_KIB",
          value_parser = clap::value_parser!(u32).range(4..=1_048_576))]
    pub ring_kib: u32,
    /// Lose one record in so many, as a full ring buffer would: for tests of what that does
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        env = "RINIT_TRACE_DROP_ONE_IN",
        hide = true
    )]
    pub drop_one_in: u32,
    /// Records of a workload in a second that do not decide: for tests of what more of them does
    #[arg(
        long,
        value_name = "N",
        default_value_t = BUDGET,
        env = "RINIT_TRACE_BUDGET",
        hide = true
    )]
    pub budget: u32,
    /// How the kernel side is started.
    #[command(flatten)]
    pub kernel: KernelArgs,
}

/// Where runtimes are asked for names.
#[derive(Debug, Clone, Default, Args)]
pub struct SocketArgs {
    /// Socket of a container runtime's CRI; by default those of containerd, CRI-O and k3s that are there
    #[arg(
        long,
        value_name = "PATH",
        env = "RINIT_TRACE_CRI_SOCKET",
        value_delimiter = ','
    )]
    pub cri_socket: Vec<PathBuf>,
    /// Socket of the Docker API; by default `DOCKER_HOST` or /var/run/docker.sock
    #[arg(long, value_name = "PATH", env = "RINIT_TRACE_DOCKER_SOCKET")]
    pub docker_socket: Option<PathBuf>,
    /// Socket of podman's API; by default /run/podman/podman.sock
    #[arg(long, value_name = "PATH", env = "RINIT_TRACE_PODMAN_SOCKET")]
    pub podman_socket: Option<PathBuf>,
}

/// How the kernel side is started: of every command that attaches probes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Kernel side")]
pub struct KernelArgs {
    /// BTF file of exactly this kernel, for one that carries none itself
    #[arg(long, value_name = "FILE", env = "RINIT_TRACE_BTF")]
    pub btf: Option<PathBuf>,
    /// Attach to tracepoints this way; by default the first that works
    #[arg(long, value_enum, value_name = "HOW", env = "RINIT_TRACE_ATTACH")]
    pub attach: Option<Tracepoints>,
    /// Watch teardowns of pid namespaces this way; by default the first that works
    #[arg(long, value_enum, value_name = "HOW", env = "RINIT_TRACE_TEARDOWN")]
    pub teardown: Option<Teardown>,
}

impl KernelArgs {
    /// As the kernel side takes them.
    pub fn options(&self) -> KernelOptions {
        KernelOptions {
            btf: self.btf.clone(),
            tracepoints: self.attach,
            teardown: self.teardown,
            ..KernelOptions::default()
        }
    }
}

/// Options of `daemon`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 ended by a signal; 2 wrong usage; 3 could not trace, listen or write."
)]
pub struct DaemonArgs {
    /// Where to serve /metrics, /healthz, /readyz and /api/v1/stops; 0.0.0.0:9763 for all interfaces
    #[arg(long, value_name = "ADDR:PORT", default_value = LISTEN, env = "RINIT_TRACE_LISTEN")]
    pub listen: SocketAddr,
    /// A name by which /api may be asked, beside IP addresses and localhost; may be repeated
    #[arg(
        long,
        value_name = "NAME",
        env = "RINIT_TRACE_ALLOWED_HOST",
        value_delimiter = ','
    )]
    pub allowed_host: Vec<String>,
    /// Answer /api at a Unix socket, for root alone, and at --listen no more but with a token
    #[arg(long, value_name = "PATH", env = "RINIT_TRACE_API_SOCKET")]
    pub api_socket: Option<PathBuf>,
    /// A group, by name or number, that may use --api-socket too
    #[arg(
        long,
        value_name = "GROUP",
        requires = "api_socket",
        env = "RINIT_TRACE_API_SOCKET_GROUP"
    )]
    pub api_socket_group: Option<String>,
    /// Answer /api at --listen only to requests with the token in this file (`Authorization: Bearer TOKEN`), which is read each time
    #[arg(long, value_name = "FILE", env = "RINIT_TRACE_API_TOKEN_FILE")]
    pub api_token_file: Option<PathBuf>,
    /// How to print reports on stdout
    #[arg(long, value_enum, default_value_t, env = "RINIT_TRACE_FORMAT")]
    pub format: DaemonFormat,
    /// How to log on stderr
    #[arg(long, value_enum, default_value_t, env = "RINIT_TRACE_LOG_FORMAT")]
    pub log_format: LogFormat,
    /// Keep stops as JSON lines in this folder, too: rotated and bounded
    #[arg(long, value_name = "DIR", env = "RINIT_TRACE_HISTORY")]
    pub history: Option<PathBuf>,
    /// Labels of the metrics of containers
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "namespace,pod,container",
        env = "RINIT_TRACE_METRIC_LABELS"
    )]
    pub metric_labels: Vec<MetricLabel>,
    /// Most containers with series of their own; more share one
    #[arg(long, value_name = "N", default_value_t = 4096, env = "RINIT_TRACE_METRIC_MAX_CONTAINERS",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub metric_max_containers: u32,
    /// How long the series of a container stay after its end
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = parse_duration, env = "RINIT_TRACE_METRIC_KEEP")]
    pub metric_keep: Duration,
    /// Write an Event on the pod of each container that was stopped by force, or lost a process to the OOM killer
    #[cfg(feature = "kube")]
    #[arg(long, env = "RINIT_TRACE_KUBE_EVENTS")]
    pub kube_events: bool,
    /// How to look at this host.
    #[command(flatten)]
    pub host: HostArgs,
}

/// Options of `system-info`.
#[derive(Debug, Clone, Args)]
pub struct SystemInfoArgs {
    /// How to print
    #[arg(short, long, value_enum, default_value_t = InfoOutput::Text)]
    pub output: InfoOutput,
    /// The sockets of runtimes.
    #[command(flatten)]
    pub sockets: SocketArgs,
    /// How the kernel side is started.
    #[command(flatten)]
    pub kernel: KernelArgs,
}

/// Options of `explain`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Exit codes: 0 explained; 2 no such word.")]
pub struct ExplainArgs {
    /// A verdict, cause, finding or outcome, such as `init-no-handler`; lists them when left out
    #[arg(value_name = "ID")]
    pub id: Option<String>,
}

/// Options of `demo`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 done and, with --expect, as expected; 1 not as expected; 2 wrong usage; 3 could not trace, or skipped something that this machine has not."
)]
pub struct DemoArgs {
    /// Which to run: names, or `all` for a table; lists them when left out
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// In Docker containers, stopped by `docker stop`
    #[arg(long)]
    pub docker: bool,
    /// How to print reports
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Image for --docker, with a shell in it
    #[arg(long, default_value = docker::IMAGE, requires = "docker")]
    pub image: String,
    /// Compare with what this file expects of each scenario
    #[arg(long, value_name = "FILE", conflicts_with = "docker")]
    pub expect: Option<PathBuf>,
    /// Let a report that says that records were lost be unknown or likely, as the contract has it
    #[arg(long, env = "RINIT_TRACE_ALLOW_LOSS", hide = true)]
    pub allow_loss: bool,
    /// Run all that often
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub times: u32,
    /// How the kernel side is started.
    #[command(flatten)]
    pub kernel: KernelArgs,
}

impl DemoArgs {
    /// Whether every scenario is asked for.
    pub fn is_all(&self) -> bool {
        self.names == ["all"]
    }
}

/// How much of arguments is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ShownArguments {
    /// All, with the secrets that are in there
    #[default]
    Full,
    /// `***` in place of what follows `=` or an option whose name says that it is a secret, and of passwords in URLs
    Masked,
    /// No arguments at all
    None,
}

impl From<ShownArguments> for Arguments {
    fn from(shown: ShownArguments) -> Self {
        match shown {
            ShownArguments::Full => Self::Full,
            ShownArguments::Masked => Self::Masked,
            ShownArguments::None => Self::None,
        }
    }
}

/// Formats of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Text,
    /// One JSON object, indented
    Json,
    /// One JSON object per line
    Jsonl,
}

/// Formats of the daemon's reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DaemonFormat {
    /// One JSON object per line
    #[default]
    Json,
    /// For people
    Text,
}

/// Formats of logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

/// Formats of `system-info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InfoOutput {
    /// For people
    Text,
    /// One JSON object, indented
    Json,
}

/// `90`, `1.5`, `500ms`, `30s`, `10m`, `3h`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` is no time; give seconds, or a number with ms, s, m or h");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(bad()),
    };
    let number: f64 = digits.parse().map_err(|_| bad())?;
    let duration = Duration::try_from_secs_f64(number * factor).map_err(|_| bad())?;
    // A year: more would overflow the clock, and nobody waits for it.
    if duration.is_zero() || duration > Duration::from_secs(366 * 24 * 3600) {
        return Err(format!(
            "`{text}` is out of range; give more than 0 and at most a year"
        ));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_daemon_is_asked_where_it_listens() {
        assert_eq!(LISTEN.parse(), Ok(DAEMON));
    }

    #[test]
    fn times_are_seconds_or_have_a_unit() {
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("10m"), Ok(Duration::from_secs(600)));
        for bad in ["", "x", "-1", "0", "5 parsecs", "1e300", "nan", "inf", "ms"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
