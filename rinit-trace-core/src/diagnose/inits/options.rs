//! Options of inits, parsed as their own `getopt` does: up to the first argument that is none.

use crate::model::InitKind;

/// Options of one init.
struct Syntax {
    /// Short options that take a value.
    with_value: &'static str,
    /// Long names, and the short option each stands for.
    long: &'static [(&'static str, char)],
}

const TINI: Syntax = Syntax {
    with_value: "pe",
    long: &[("version", 'V')],
};
const DUMB_INIT: Syntax = Syntax {
    with_value: "r",
    long: &[
        ("help", 'h'),
        ("rewrite", 'r'),
        ("single-child", 'c'),
        ("verbose", 'v'),
        ("version", 'V'),
    ],
};
const CATATONIT: Syntax = Syntax {
    with_value: "",
    long: &[],
};

/// The options that an init was given, each by its short letter; none for other programs.
pub(super) fn of(kind: InitKind, cmdline: &[String]) -> Vec<char> {
    let syntax = match kind {
        InitKind::Tini | InitKind::DockerInit => &TINI,
        InitKind::DumbInit => &DUMB_INIT,
        InitKind::Catatonit => &CATATONIT,
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    let mut words = cmdline.iter().skip(1);
    while let Some(word) = words.next() {
        let takes_next = if word == "--" {
            break;
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, _)) => (name, true),
                None => (long, false),
            };
            let short = long_option(syntax, name);
            found.extend(short);
            !value && short.is_some_and(|short| syntax.with_value.contains(short))
        } else if let Some(cluster) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            short_options(syntax, cluster, &mut found)
        } else {
            // The program that it runs.
            break;
        };
        if takes_next {
            words.next();
        }
    }
    found
}

/// `getopt_long` takes a long name by any beginning that only one has.
fn long_option(syntax: &Syntax, name: &str) -> Option<char> {
    let exact = syntax.long.iter().find(|(long, _)| *long == name);
    let mut begin = syntax
        .long
        .iter()
        .filter(|(long, _)| long.starts_with(name));
    let unique = begin.next().filter(|_| begin.next().is_none());
    exact.or(unique).map(|(_, short)| *short)
}

/// `-sg`, `-p15`; whether the value of the last one is the next word.
fn short_options(syntax: &Syntax, cluster: &str, found: &mut Vec<char>) -> bool {
    let mut letters = cluster.chars();
    while let Some(letter) = letters.next() {
        found.push(letter);
        if syntax.with_value.contains(letter) {
            return letters.as_str().is_empty();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(kind: InitKind, cmdline: &str) -> String {
        let words: Vec<String> = cmdline.split(' ').map(str::to_owned).collect();
        of(kind, &words).into_iter().collect()
    }

    #[test]
    fn options_end_where_the_program_begins() {
        for (cmdline, found) in [
            ("tini app -g", ""),
            ("tini -- app -g", ""),
            ("tini -g -- app", "g"),
            ("tini -sg app", "sg"),
            ("tini -vvg app", "vvg"),
            ("tini -p 15 -g app", "pg"),
            ("tini -p15 app -g", "p"),
            ("tini -e 143 -g app", "eg"),
            ("tini -e -g app", "e"),
            ("tini - -g", ""),
        ] {
            assert_eq!(options(InitKind::Tini, cmdline), found, "{cmdline}");
        }
    }

    #[test]
    fn long_options_may_be_abbreviated() {
        for (cmdline, found) in [
            ("dumb-init --single-child app", "c"),
            ("dumb-init --single app", "c"),
            ("dumb-init --ver app", ""),
            ("dumb-init --rewrite 15:3 -c app", "rc"),
            ("dumb-init --rewrite=15:3 -c app", "rc"),
            ("dumb-init -r 15:3 app -c", "r"),
            ("dumb-init --nonsense -c app", "c"),
        ] {
            assert_eq!(options(InitKind::DumbInit, cmdline), found, "{cmdline}");
        }
    }

    #[test]
    fn a_program_of_its_own_has_no_options_that_we_know() {
        assert_eq!(options(InitKind::App, "app -g"), "");
        assert_eq!(of(InitKind::Tini, &[]), Vec::<char>::new());
    }
}
