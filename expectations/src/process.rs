//! One expected process: `COMM: OUTCOME [by KILLED_BY] [with SIGNAL] [ROLE]`.

use std::fmt;

use serde_json::Value;

const OUTCOMES: [&str; 8] = [
    "exited",
    "terminated",
    "killed-unsignalled",
    "killed-ignoring",
    "killed-pending",
    "killed-handling",
    "oom-killed",
    "alive",
];

const KILLERS: [&str; 11] = [
    "pidns-teardown",
    "runtime",
    "cgroup-kill",
    "oom",
    "peer",
    "self",
    "parent-death",
    "tracer",
    "external",
    "kernel",
    "unknown",
];

const ROLES: [&str; 3] = ["init", "member", "exec"];

/// What is expected of one process: of each word, the alternatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessLine {
    text: String,
    comm: Vec<String>,
    outcome: Vec<String>,
    /// Empty: nobody killed it.
    killed_by: Vec<String>,
    /// The signal that ended it; empty: any or none.
    signal: Vec<String>,
    role: Vec<String>,
}

impl ProcessLine {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("has `{text}`, which {why}");
        let (comm, rest) = text
            .split_once(": ")
            .ok_or_else(|| wrong("is not `COMM: OUTCOME [by KILLED_BY] [with SIGNAL] [ROLE]`"))?;
        let mut words = rest.split_whitespace().peekable();
        let mut line = Self {
            text: text.to_owned(),
            comm: alternatives(comm),
            outcome: alternatives(words.next().unwrap_or_default()),
            killed_by: Vec::new(),
            signal: Vec::new(),
            role: alternatives("member"),
        };
        if words.next_if_eq(&"by").is_some() {
            line.killed_by = alternatives(words.next().unwrap_or_default());
        }
        if words.next_if_eq(&"with").is_some() {
            line.signal = alternatives(words.next().unwrap_or_default());
        }
        if let Some(role) = words.next() {
            line.role = alternatives(role);
        }
        if words.next().is_some() {
            return Err(wrong("has a word too many"));
        }
        let known = [
            (&line.outcome, &OUTCOMES[..]),
            (&line.killed_by, &KILLERS),
            (&line.role, &ROLES),
        ];
        for (words, known) in known {
            if let Some(word) = words.iter().find(|word| !known.contains(&word.as_str())) {
                return Err(wrong(&format!(
                    "has `{word}`, none of {}",
                    known.join(", ")
                )));
            }
        }
        Ok(line)
    }

    /// Whether a process of a report is as expected.
    pub(crate) fn fits(&self, process: &Value) -> bool {
        let is = |path: &str, words: &[String]| match process.pointer(path) {
            Some(Value::String(text)) => words.contains(text),
            Some(Value::Null) => words.is_empty(),
            _ => false,
        };
        is("/comm", &self.comm)
            && is("/outcome", &self.outcome)
            && is("/killed_by", &self.killed_by)
            && is("/role", &self.role)
            && (self.signal.is_empty() || is("/exit/signal", &self.signal))
    }
}

impl fmt::Display for ProcessLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn alternatives(words: &str) -> Vec<String> {
    words.split('|').map(str::to_owned).collect()
}

/// A process of a report in the words of an expectation.
pub(crate) fn words_of(process: &Value) -> String {
    let text = |path: &str| process.pointer(path).and_then(Value::as_str);
    let how = match (text("/killed_by"), text("/exit/signal")) {
        (Some(killer), _) => format!(" by {killer}"),
        (None, Some(signal)) => format!(" with {signal}"),
        (None, None) => String::new(),
    };
    let role = match text("/role").unwrap_or("?") {
        "member" => String::new(),
        role => format!(" {role}"),
    };
    // A name may hold anything, line breaks too.
    let comm = text("/comm").unwrap_or("?").escape_debug();
    let outcome = text("/outcome").unwrap_or("?");
    format!("{comm}: {outcome}{how}{role}")
}
