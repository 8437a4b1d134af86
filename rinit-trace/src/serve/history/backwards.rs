//! The lines of a file, last line first, in bounded memory.

use std::io::{self, Read, Seek, SeekFrom};

/// Longest line that is handed out.
const MAX_LINE: usize = 32 << 20;
/// Bytes of the first read; each further read for the same line is twice as large.
const BLOCK: usize = 64 << 10;

/// Reads lines from the end.
#[derive(Debug)]
pub(super) struct Backwards<R> {
    input: R,
    /// Where in the file `held` begins.
    at: u64,
    /// What was read and is in no line yet.
    held: Vec<u8>,
    /// What follows `held` was too long to hold.
    is_cut: bool,
}

/// A line without its break.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Whole(Vec<u8>),
    TooLong,
}

impl<R: Read + Seek> Backwards<R> {
    pub(super) fn new(mut input: R) -> io::Result<Self> {
        Ok(Self {
            at: input.seek(SeekFrom::End(0))?,
            input,
            held: Vec::new(),
            is_cut: false,
        })
    }

    /// The line before the last one; `None` at the begin of the file.
    pub(super) fn previous(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(end) = self.held.iter().rposition(|byte| *byte == b'\n') {
                let line = self.held.split_off(end + 1);
                self.held.truncate(end);
                return Ok(Some(self.line(line)));
            }
            if self.at == 0 {
                if self.held.is_empty() && !self.is_cut {
                    return Ok(None);
                }
                let line = std::mem::take(&mut self.held);
                return Ok(Some(self.line(line)));
            }
            if self.held.len() > MAX_LINE {
                self.held.clear();
                self.is_cut = true;
            }
            self.read_more()?;
        }
    }

    fn line(&mut self, line: Vec<u8>) -> Line {
        if std::mem::take(&mut self.is_cut) {
            Line::TooLong
        } else {
            Line::Whole(line)
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        let wanted = self.held.len().max(BLOCK) as u64;
        let count = wanted.min(self.at);
        self.input.seek(SeekFrom::Start(self.at - count))?;
        let mut bytes = Vec::new();
        self.input.by_ref().take(count).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < count {
            // Somebody cut the file.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at -= count;
        bytes.append(&mut self.held);
        self.held = bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn lines(bytes: &[u8]) -> Vec<Line> {
        let mut backwards = Backwards::new(Cursor::new(bytes)).unwrap();
        std::iter::from_fn(|| backwards.previous().unwrap()).collect()
    }

    #[test]
    fn a_line_that_is_too_long_is_told_and_passed_over() {
        let mut bytes = b"first\n".to_vec();
        bytes.resize(bytes.len() + MAX_LINE * 3, b'x');
        bytes.extend(b"\nlast\n");
        let whole = |text: &str| Line::Whole(text.into());
        let expected = [whole(""), whole("last"), Line::TooLong, whole("first")];
        assert_eq!(lines(&bytes), expected);
    }

    #[test]
    fn lines_longer_than_a_block_are_put_together() {
        let long = "y".repeat(BLOCK * 5 + 7);
        let bytes = format!("a\n{long}\nb");
        let expected = ["b", &long, "a"].map(|text| Line::Whole(text.into()));
        assert_eq!(lines(bytes.as_bytes()), expected);
    }

    proptest! {
        #[test]
        fn they_are_the_lines_of_the_file_in_reverse(bytes in "[ab\n]{0,40}") {
            let mut expected: Vec<Line> =
                bytes.split('\n').map(|line| Line::Whole(line.into())).rev().collect();
            // Before the first line break there may be nothing.
            if expected.last() == Some(&Line::Whole(Vec::new())) {
                expected.pop();
            }
            prop_assert_eq!(lines(bytes.as_bytes()), expected);
        }
    }
}
