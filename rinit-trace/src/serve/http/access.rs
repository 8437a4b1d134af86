//! Who is answered with reports. They hold arguments of processes; metrics do not, and are open.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};

use super::{
    hosts::{AllowedHosts, only},
    routes::problem,
};
use crate::serve::TokenFile;

/// Who, at one place to ask.
#[derive(Debug)]
pub(super) enum Access {
    /// Who asks by a name that is allowed, with the token where there is one.
    Network(AllowedHosts, Option<TokenFile>),
    /// Nobody: reports are at the socket.
    Nobody,
    /// All who may open the socket.
    Everybody,
}

impl Access {
    /// What a request with these headers is answered in place of reports.
    pub(super) fn refuse(&self, headers: &HeaderMap) -> Option<Response> {
        match self {
            Self::Everybody => None,
            Self::Nobody => Some(problem(
                StatusCode::FORBIDDEN,
                "reports are told at the daemon's --api-socket, and here only with --api-token-file",
            )),
            Self::Network(hosts, token) => {
                if let Some(why) = hosts.refuse(headers) {
                    return Some(problem(StatusCode::FORBIDDEN, &why));
                }
                let token = token.as_ref()?;
                let is_known = bearer(headers).is_some_and(|given| token.is(given));
                (!is_known).then(unauthorized)
            }
        }
    }
}

fn unauthorized() -> Response {
    let mut response = problem(
        StatusCode::UNAUTHORIZED,
        "reports take the token of the daemon's --api-token-file",
    );
    let scheme = HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, scheme);
    response
}

/// `Authorization: Bearer TOKEN`
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = only(headers, &header::AUTHORIZATION)?.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("Bearer");
    is_bearer.then(|| token.trim_start_matches(' '))
}
