//! The query of `/api/v1/stops`.

use axum::{extract::Query, http::Uri};
use rinit_trace_core::model::Verdict;

use crate::serve::history::Filter;

/// Stops in an answer, unless told otherwise, and at most.
const LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) filter: Filter,
    pub(super) limit: usize,
}

/// Reads it; the error says what is allowed.
pub(super) fn parse(uri: &Uri) -> Result<Asked, String> {
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        return Err(bad("the query cannot be read"));
    };
    let mut asked = Asked {
        filter: Filter::default(),
        limit: LIMIT,
    };
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in &pairs {
        if seen.contains(&name.as_str()) {
            return Err(bad("a parameter is there twice"));
        }
        match name.as_str() {
            "container" => asked.filter.container = Some(value.clone()),
            "namespace" => asked.filter.namespace = Some(value.clone()),
            "verdict" => asked.filter.verdict = Some(verdict(value)?),
            "limit" => asked.limit = limit(value)?,
            _ => return Err(bad("there is no such parameter")),
        }
        seen.push(name);
    }
    Ok(asked)
}

fn verdict(text: &str) -> Result<Verdict, String> {
    match text {
        "graceful" => Ok(Verdict::Graceful),
        "forced" => Ok(Verdict::Forced),
        "unknown" => Ok(Verdict::Unknown),
        _ => Err(bad("there is no such verdict")),
    }
}

fn limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok();
    limit
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| bad("the limit is no number in its range"))
}

fn bad(what: &str) -> String {
    format!(
        "{what}; allowed are container (a name, or 12 digits of an id or more), namespace, verdict \
         (graceful, forced, unknown) and limit (1 to {MAX_LIMIT}), each once"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Asked, String> {
        parse(&format!("/api/v1/stops{query}").parse().unwrap())
    }

    #[test]
    fn everything_may_be_left_out() {
        for query in ["", "?"] {
            let all = Asked {
                filter: Filter::default(),
                limit: LIMIT,
            };
            assert_eq!(read(query), Ok(all));
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let asked = read("?container=a%2Fb+c&namespace=shop&verdict=forced&limit=1000").unwrap();
        let expected = Filter {
            container: Some("a/b c".into()),
            namespace: Some("shop".into()),
            verdict: Some(Verdict::Forced),
        };
        assert_eq!((asked.filter, asked.limit), (expected, 1000));
    }

    #[test]
    fn what_is_not_allowed_is_told_with_what_is() {
        for query in [
            "?pod=x",
            "?verdict=Forced",
            "?verdict=",
            "?limit=0",
            "?limit=1001",
            "?limit=-1",
            "?limit=99999999999999999999",
            "?limit=1&limit=2",
            "?container",
            "?=",
        ] {
            match read(query) {
                // `container` without a value is an empty name, which no container has.
                Ok(asked) => assert_eq!(asked.filter, Filter::container(""), "{query}"),
                Err(error) => assert!(error.contains("limit (1 to 1000)"), "{query}: {error}"),
            }
        }
    }
}
