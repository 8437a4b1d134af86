//! The text of a scenario: its lines, and the times in them.

use std::time::Duration;

use rinit_trace_core::model::Signal;

use super::Id;

/// The lines that tell; of a crowd each for one after the other.
pub(super) fn lines_of_all(text: &str) -> Vec<String> {
    let crowd = lines(text).find_map(|line| line.strip_prefix("crowd "));
    let crowd: usize = crowd.map_or(1, |count| count.trim().parse().unwrap());
    let of_line = |line: &str| {
        let count = if line.contains('*') { crowd } else { 1 };
        let letters = (b'A'..).take(count).map(char::from);
        let told = letters.map(|letter| line.replace('*', &letter.to_string()));
        told.collect::<Vec<_>>()
    };
    lines(text).flat_map(of_line).collect()
}

/// The lines that tell, without those that expect.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty() && !line.starts_with('='))
}

/// `10s`, `3h`, `5m`, `2.0003`, `3h+10.1`.
pub(super) fn duration(text: &str) -> Duration {
    text.split('+')
        .map(|part| {
            let (number, unit) = match part.strip_suffix(['s', 'm', 'h']) {
                Some(number) => (number, &part[number.len()..]),
                None => (part, "s"),
            };
            let number: f64 = number.parse().unwrap_or_else(|_| panic!("{text}?"));
            Duration::from_secs_f64(match unit {
                "h" => number * 3600.0,
                "m" => number * 60.0,
                _ => number,
            })
        })
        .sum()
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap()
}

pub(super) fn mask(signals: &str) -> u64 {
    let names = signals.split(',').filter(|name| !name.is_empty());
    names
        .map(|name| signal(name).bit())
        .fold(0, |all, bit| all | bit)
}

pub(super) fn find<'a>(attributes: &[&'a str], key: &str) -> Option<&'a str> {
    let value = |attribute: &&'a str| attribute.strip_prefix(key)?.strip_prefix('=');
    attributes.iter().find_map(value)
}

pub(super) fn id(token: &str) -> Id {
    let (space, pid) = token.split_once('/').unwrap_or(("A", token));
    (
        letter_of(space),
        pid.parse().unwrap_or_else(|_| panic!("{token}?")),
    )
}

pub(super) fn letter_of(token: &str) -> char {
    token.chars().next().unwrap()
}

pub(super) fn signal(token: &str) -> Signal {
    token.parse().unwrap_or_else(|()| panic!("{token}?"))
}
