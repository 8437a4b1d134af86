//! Reading stop reports: the JSON itself, not the program's own types.

use std::fmt;

use serde_json::Value;

/// A report of the schema `rinit-trace.stop/v1`. Paths are JSON pointers; one that is not there is a failure, since
/// the contract has every field in every report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report(Value);

impl Report {
    /// Reads one report.
    pub fn parse(text: &str) -> Self {
        let value = serde_json::from_str(text)
            .unwrap_or_else(|error| panic!("not one JSON value: {error}\n{text}"));
        let report = Self(value);
        report.is("/schema", "rinit-trace.stop/v1");
        report
    }

    /// The value at a path.
    pub fn at(&self, path: &str) -> &Value {
        let found = self.0.pointer(path);
        found.unwrap_or_else(|| panic!("no {path} in {self}"))
    }

    /// A text at a path.
    pub fn text(&self, path: &str) -> &str {
        let found = self.at(path).as_str();
        found.unwrap_or_else(|| panic!("{path} is no text in {self}"))
    }

    /// A number at a path.
    pub fn number(&self, path: &str) -> f64 {
        let found = self.at(path).as_f64();
        found.unwrap_or_else(|| panic!("{path} is no number in {self}"))
    }

    /// Asserts the value at a path.
    pub fn is(&self, path: &str, expected: impl Into<Value>) {
        let expected = expected.into();
        assert!(
            self.at(path) == &expected,
            "{path} is {}, not {expected}, in {self}",
            self.at(path)
        );
    }

    /// Asserts what people look at first. An empty cause is none.
    pub fn says(&self, verdict: &str, cause: &str, lost_cleanup: u64) {
        let told = (
            self.text("/verdict"),
            self.cause(),
            self.at("/lost_cleanup").as_u64(),
        );
        assert!(
            told == (verdict, cause, Some(lost_cleanup)),
            "says {told:?}, not {:?}: {self}",
            (verdict, cause, lost_cleanup)
        );
        self.is("/observation/lost_records", 0);
    }

    /// The cause's id, empty when there is none.
    pub fn cause(&self) -> &str {
        match self.at("/cause") {
            Value::Null => "",
            _ => self.text("/cause/id"),
        }
    }

    /// Ids of the findings, in their order.
    pub fn findings(&self) -> Vec<&str> {
        let findings = self.at("/findings").as_array().unwrap();
        findings
            .iter()
            .filter_map(|one| one["id"].as_str())
            .collect()
    }

    /// Its processes.
    pub fn processes(&self) -> &[Value] {
        self.at("/processes").as_array().unwrap()
    }

    /// The processes with this command name.
    pub fn named(&self, comm: &str) -> Vec<&Value> {
        let all = self.processes().iter();
        all.filter(|process| process["comm"] == comm).collect()
    }

    /// The process with this host pid.
    pub fn process_of(&self, pid: u32) -> &Value {
        let mut all = self.processes().iter();
        let found = all.find(|process| process["pid"] == pid);
        found.unwrap_or_else(|| panic!("process {pid} is not listed in {self}"))
    }

    /// The one process with this command name.
    pub fn process(&self, comm: &str) -> &Value {
        match self.named(comm).as_slice() {
            [only] => only,
            found => panic!("{} processes {comm} in {self}", found.len()),
        }
    }

    /// The signals of this name to a process.
    pub fn signals(&self, name: &str, to: &Value) -> Vec<&Value> {
        let all = self.at("/signals").as_array().unwrap().iter();
        all.filter(|signal| signal["signal"] == name && signal["to"] == *to)
            .collect()
    }

    /// Whether it is about the workload with this init (host pid) or this container id.
    pub fn is_of(&self, workload: &Value) -> bool {
        self.at("/workload/init/pid") == workload || self.at("/workload/container_id") == workload
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}
