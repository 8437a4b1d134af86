//! The token that reports may be asked for with.

use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// Longest token, with what is around it.
const MAX_BYTES: usize = 4096;

/// Why there is no token. One line.
#[derive(Debug, Error)]
#[error("cannot take the token of the API from {}: {fault}; give a file with one word in it", path.display())]
pub struct TokenError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug, Error)]
enum Fault {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it is no file")]
    NoFile,
    #[error("it is empty")]
    Empty,
    #[error("it has more than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("it has more in it than one word of ASCII")]
    NoWord,
}

/// A file with a token, which is read at each request: somebody may put another one there.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    /// It could be read the last time.
    is_good: AtomicBool,
}

impl TokenFile {
    /// One that has a token.
    pub fn open(path: &Path) -> Result<Self, TokenError> {
        read(path)?;
        Ok(Self {
            path: path.to_owned(),
            is_good: AtomicBool::new(true),
        })
    }

    /// Whether this is the token. How long that takes tells its length, and nothing else of it. A file that has become
    /// unreadable is logged once, and nobody has its token.
    pub(super) fn is(&self, given: &str) -> bool {
        let token = read(&self.path);
        let was_good = self.is_good.swap(token.is_ok(), Ordering::Relaxed);
        match token {
            Ok(token) => token.as_bytes().ct_eq(given.as_bytes()).into(),
            Err(error) => {
                if was_good {
                    tracing::warn!("nobody is answered with reports: {error}");
                }
                false
            }
        }
    }
}

/// The token in a file, without the white space around it.
pub fn read(path: &Path) -> Result<String, TokenError> {
    read_word(path).map_err(|fault| TokenError {
        path: path.to_owned(),
        fault,
    })
}

fn read_word(path: &Path) -> Result<String, Fault> {
    // A pipe without a writer must not hold it up.
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(Fault::NoFile);
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_BYTES {
        return Err(Fault::TooLarge);
    }
    let word = bytes.trim_ascii();
    if word.is_empty() {
        return Err(Fault::Empty);
    }
    if !word.iter().all(u8::is_ascii_graphic) {
        return Err(Fault::NoWord);
    }
    Ok(String::from_utf8_lossy(word).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_token_is_taken_without_what_is_around_it_and_anew_when_it_has_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, " s3cret\n\n").unwrap();
        let token = TokenFile::open(&path).unwrap();
        assert!(token.is("s3cret"));
        for other in ["", "s3cre", "s3cret ", "S3cret", "s3cret2"] {
            assert!(!token.is(other), "{other:?}");
        }
        fs::write(&path, "other").unwrap();
        assert!(!token.is("s3cret") && token.is("other"));
        fs::write(&path, "\n").unwrap();
        assert!(!token.is("other") && !token.is(""));
        fs::remove_file(&path).unwrap();
        assert!(!token.is("other"));
        fs::write(&path, "third").unwrap();
        assert!(token.is("third"));
    }

    #[test]
    fn what_is_no_token_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        for (text, fault) in [
            (String::new(), "it is empty"),
            (" \n".to_owned(), "it is empty"),
            ("x".repeat(MAX_BYTES + 1), "it has more than 4096 bytes"),
            (
                "two words".to_owned(),
                "it has more in it than one word of ASCII",
            ),
            (
                "t\u{f6}ken".to_owned(),
                "it has more in it than one word of ASCII",
            ),
        ] {
            fs::write(&path, text).unwrap();
            let error = TokenFile::open(&path).unwrap_err().to_string();
            let said = format!(
                "cannot take the token of the API from {}: {fault}; give a file with one word in it",
                path.display()
            );
            assert_eq!(error, said);
        }
        for (path, fault) in [
            (dir.path(), "it is no file"),
            (&dir.path().join("none"), "No such"),
        ] {
            let error = TokenFile::open(path).unwrap_err().to_string();
            assert!(error.contains(fault), "{error}");
        }
    }
}
