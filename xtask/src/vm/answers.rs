//! What a guest answers: lines on its second serial port, in frames. A guest may hang, crash or be killed in the middle, and
//! what its programs print may look like anything; it never looks like a frame, whose mark they do not know.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

/// A guest that prints more than this has gone mad.
const MOST: u64 = 32 << 20;

/// What came of a command.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) step: String,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// Exit code; `None` when it had not ended.
    pub(super) code: Option<i32>,
    pub(super) seconds: f64,
}

/// All that a guest has answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answers {
    pub(super) steps: Vec<Answer>,
    /// Whether it came to the end of its plan.
    pub(super) is_over: bool,
}

impl Answers {
    pub(super) fn of(&self, step: &str) -> Option<&Answer> {
        self.steps.iter().find(|answer| answer.step == step)
    }
}

/// Reads the file of the serial port.
pub(super) fn read(path: &Path, mark: &str) -> Result<Answers> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(parse(&String::from_utf8_lossy(&bytes), mark))
}

/// Total: any text has some answers, if only none.
fn parse(text: &str, mark: &str) -> Answers {
    let mut answers = Answers::default();
    let mut began = 0.0;
    let mut is_running = false;
    // Without its end a line may be any line.
    for line in text
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'))
    {
        let line = line.trim_end_matches('\r');
        // Some leave a line open for what comes of it, and somebody else's comes in between.
        let (output, frame) = line
            .split_once(mark)
            .and_then(|(output, rest)| Some((output, rest.strip_prefix(' ')?)))
            .map_or((line, None), |(output, frame)| (output, Some(frame)));
        if let (true, Some(answer)) = (is_running, answers.steps.last_mut()) {
            answer.stdout.push_str(output);
            if frame.is_none() {
                answer.stdout.push('\n');
            }
        }
        let Some(frame) = frame else {
            continue;
        };
        let (word, rest) = frame.split_once(' ').unwrap_or((frame, ""));
        match (word, answers.steps.last_mut()) {
            ("begin", _) => {
                let (step, uptime) = rest.split_once(' ').unwrap_or((rest, ""));
                began = uptime.parse().unwrap_or(0.0);
                is_running = true;
                answers.steps.push(Answer {
                    step: step.to_owned(),
                    ..Answer::default()
                });
            }
            // Read by another process than the rest: it may come a little late.
            ("error", Some(answer)) => {
                answer.stderr.push_str(rest);
                answer.stderr.push('\n');
            }
            ("end", Some(answer)) if is_running => {
                let mut words = rest.split(' ').skip(1);
                answer.code = words.next().and_then(|code| code.parse().ok());
                let ended: f64 = words.next().and_then(|at| at.parse().ok()).unwrap_or(began);
                answer.seconds = (ended - began).max(0.0);
                is_running = false;
                // It has a line of its own wherever the output ended.
                answer.stdout.pop();
            }
            ("over", _) => answers.is_over = true,
            _ => {}
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "m begin attached 2.50\n{\"a\": 1}\nm end attached 0 4.00\n\
                         m begin scenarios 4.00\nm error error: no\nhalf a line\nm end scenarios 3 9.25\nm over\n";

    #[test]
    fn a_guest_that_comes_to_its_end_has_answered_all() {
        let answers = parse(WHOLE, "m");
        assert!(answers.is_over);
        let attached = answers.of("attached").unwrap();
        assert_eq!(attached.stdout, "{\"a\": 1}");
        assert_eq!((attached.code, attached.seconds), (Some(0), 1.5));
        let scenarios = answers.of("scenarios").unwrap();
        assert_eq!(scenarios.stdout, "half a line");
        assert_eq!(scenarios.stderr, "error: no\n");
        assert_eq!((scenarios.code, scenarios.seconds), (Some(3), 5.25));
        assert_eq!(answers.of("random-100"), None);
    }

    #[test]
    fn wherever_it_is_cut_off_what_came_is_there_and_nothing_else() {
        let whole = parse(WHOLE, "m");
        for end in 0..WHOLE.len() {
            let cut = parse(&WHOLE[..end], "m");
            assert!(!cut.is_over, "{end}");
            assert!(cut.steps.len() <= whole.steps.len());
            for (cut, whole) in cut.steps.iter().zip(&whole.steps) {
                assert!(whole.step.starts_with(&cut.step), "{end}");
                if cut.code.is_some() {
                    assert_eq!(
                        (cut.code, &cut.stdout),
                        (whole.code, &whole.stdout),
                        "{end}"
                    );
                }
            }
        }
    }

    #[test]
    fn nobody_without_the_mark_ends_a_step() {
        let text = "m1 begin a 1.0\nend a 0 2.0\nm end a 0 2.0\nm1end a 0\n over\nm2 over\n";
        let answers = parse(text, "m1");
        assert!(!answers.is_over);
        assert_eq!(answers.steps.len(), 1);
        assert_eq!(answers.steps[0].code, None);
        assert_eq!(answers.steps[0].stdout.lines().count(), 5);
    }

    #[test]
    fn an_error_in_the_middle_of_a_line_is_an_error() {
        let text = "m begin a 1.0\ntest x ... m error 5 stops\nok\n\nm end a 0 2.0\n";
        let answers = parse(text, "m");
        assert_eq!(answers.steps[0].stdout, "test x ... ok\n");
        assert_eq!(answers.steps[0].stderr, "5 stops\n");
    }

    #[test]
    fn nonsense_has_no_answers() {
        for text in [
            "",
            "\0\u{fffd}\r\n\r",
            "m",
            "m \n",
            "m end\nm end a b c\nm error x\n",
            "m begin",
        ] {
            let answers = parse(text, "m");
            assert!(!answers.is_over, "{text:?}");
            assert!(answers.steps.iter().all(|answer| answer.code.is_none()));
        }
    }
}
