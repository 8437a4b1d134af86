//! Which names say that a value is secret.

use crate::model::base_name;

/// A word of a name that ends so is one of a secret: `password`, `storepass`, `apiKey`. That takes some
/// others along (`bypass`), which costs a value that could have been shown.
const SECRETS: [&str; 15] = [
    "pass",
    "passwd",
    "password",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "key",
    "auth",
    "authorization",
    "bearer",
    "cred",
    "credential",
    "cookie",
    "dsn",
];

/// Of the words that come before a value without any sign, as in SQL.
const BARE: [&str; 3] = ["password", "passwd", "bearer"];

/// Programs, by the begin of their names, with their short options for a secret, and whether its value may
/// follow in the same word.
const SHORT: [(&str, &[&str], bool); 11] = [
    ("7z", &["-p"], true),
    ("bcp", &["-P"], true),
    ("curl", &["-u", "-U"], true),
    ("ldap", &["-w"], true),
    ("mariadb", &["-p"], true),
    ("mongo", &["-p"], true),
    ("mysql", &["-p"], true),
    ("openssl", &["-k", "-K"], false),
    ("redis-cli", &["-a"], false),
    ("sqlcmd", &["-P"], true),
    ("sshpass", &["-p"], true),
];

/// Programs that take a script by `-c`.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "fish"];

/// The short options of a program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Short {
    options: &'static [&'static str],
    in_one_word: bool,
}

impl Short {
    /// `None` for a program without any, and for what is none.
    pub(super) fn of(word: &str) -> Option<Self> {
        let name = base_name(word).trim_start_matches(['$', '(']);
        let mut known = SHORT.iter();
        let (_, options, in_one_word) = known.find(|(begin, _, _)| name.starts_with(begin))?;
        Some(Self {
            options,
            in_one_word: *in_one_word,
        })
    }

    /// Whether the next word is a secret: `-p`, and `-vp` where options of one letter can be put together.
    pub(super) fn is_one(self, word: &str) -> bool {
        let letters = word.strip_prefix('-').unwrap_or_default();
        let is_cluster = letters.bytes().all(|letter| letter.is_ascii_alphabetic());
        let ends = |option: &&str| letters.ends_with(option.trim_start_matches('-'));
        self.options.contains(&word)
            || self.in_one_word && is_cluster && self.options.iter().any(ends)
    }

    /// The option at the begin of a word whose rest is a secret.
    pub(super) fn begins(self, word: &str) -> Option<&'static str> {
        let mut options = self.options.iter().copied();
        options.find(|option| self.in_one_word && word.len() > 2 && word.starts_with(option))
    }
}

/// Whether it is a shell, which `-c` gives a script.
pub(super) fn is_shell(word: &str) -> bool {
    SHELLS.contains(&base_name(word).trim_start_matches('-'))
}

/// Whether the word after this one is a secret: `--password`, `-storepass`, `--api_key`.
pub(super) fn is_secret_option(word: &str) -> bool {
    let name = word.trim_start_matches('-');
    let is_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    name.len() < word.len() && name.chars().all(is_name) && is_secret(name)
}

/// Whether the word after this one is a secret, in a text of several.
pub(super) fn is_bare(word: &str) -> bool {
    BARE.iter().any(|bare| word.eq_ignore_ascii_case(bare))
}

/// Whether the text before a colon ends in the name of a secret: `X-Api-Key`, `{"token"`.
pub(super) fn ends_in_secret(text: &str) -> bool {
    let text = text.trim_end_matches(['"', '\'', '\\']);
    let is_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let begin = text.trim_end_matches(is_name).len();
    is_secret(&text[begin..])
}

fn is_secret(name: &str) -> bool {
    let ends = |word: &str| SECRETS.iter().any(|secret| word.ends_with(secret));
    let mut words = words(name);
    words.any(|word| ends(&word) || word.strip_suffix('s').is_some_and(ends))
}

/// `api`, `key` of `api-key`, `API_KEY` and `apiKey`.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut spaced = String::with_capacity(name.len() + 8);
    let mut was_lower = false;
    for c in name.chars() {
        if was_lower && c.is_uppercase() {
            spaced.push(' ');
        }
        was_lower = c.is_lowercase();
        spaced.push(if c.is_alphanumeric() { c } else { ' ' });
    }
    let words: Vec<String> = spaced.split(' ').map(str::to_lowercase).collect();
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_the_words_of_their_names() {
        for option in [
            "--password",
            "--db-password",
            "--DB_PASSWORD",
            "--dbPassword",
            "-storepass",
            "--requirepass",
            "--api-key",
            "--apiKey",
            "--APIKEY",
            "--access.token",
            "--client-secret",
            "--secrets",
            "--credentials",
            "--auth",
            "-key",
        ] {
            assert!(is_secret_option(option), "{option}");
        }
        for option in [
            "--port",
            "--author",
            "--keyspace",
            "--tokenizer",
            "--password=x",
            "password",
            "--",
            "",
            "-p",
            "--pässe",
        ] {
            assert!(!is_secret_option(option), "{option}");
        }
        for text in ["X-Api-Key", "{\"token\"", "a,'pass'", "{\\\"secret\\\""] {
            assert!(ends_in_secret(text), "{text}");
        }
        for text in ["https", "", "--volume", "{\"user\""] {
            assert!(!ends_in_secret(text), "{text}");
        }
    }
}
