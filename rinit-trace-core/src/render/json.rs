//! The report as it is: `rinit-trace.stop/v1`. The field names are those of the model.

use std::fmt::Write;

use super::escape::is_hidden;
use crate::model::StopReport;

pub(super) fn pretty(report: &StopReport) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(report).map(|json| ascii_where_hidden(&json))
}

pub(super) fn line(report: &StopReport) -> Result<String, serde_json::Error> {
    serde_json::to_string(report).map(|json| ascii_where_hidden(&json))
}

/// Writes hidden characters as `\uXXXX`, which is the same JSON. `serde_json` does so only below
/// U+0020, and people read this output on terminals, where U+009B starts a control sequence.
fn ascii_where_hidden(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        // A raw newline is layout: serde_json has escaped those of strings.
        if c == '\n' || !is_hidden(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out.push('\n');
    out
}
