//! What is answered at which path.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::State as Extract,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::get,
};

use super::{access::Access, query, stops::Stops};
use crate::serve::SharedState;

const JSON: &str = "application/json";
const INDEX: &str = "rinit-trace: /metrics /healthz /readyz \
                     /api/v1/stops?container=&namespace=&verdict=&limit=\n";

pub(super) fn router(state: SharedState, access: Access) -> Router {
    let access = Arc::new(access);
    Router::new()
        .route("/", get(async || INDEX))
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route(
            "/api/v1/stops",
            get(
                async move |state, headers: HeaderMap, uri| match access.refuse(&headers) {
                    Some(refusal) => refusal,
                    None => stops(state, &uri),
                },
            ),
        )
        .fallback(async || {
            (
                StatusCode::NOT_FOUND,
                "no such path; / lists what there is\n",
            )
        })
        .method_not_allowed_fallback(async || {
            (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n")
        })
        .layer(map_response(harden))
        .with_state(state)
}

async fn metrics(Extract(state): Extract<SharedState>) -> Response {
    let text = state.metrics().encode();
    typed(StatusCode::OK, prometheus::TEXT_FORMAT, text)
}

async fn health(Extract(state): Extract<SharedState>) -> Response {
    match state.stalled(Instant::now()) {
        None => "ok\n".into_response(),
        Some(since) => {
            let text = format!("the loop has not ticked for {} s\n", since.as_secs());
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}

async fn ready(Extract(state): Extract<SharedState>) -> Response {
    match state.not_ready() {
        None => "ok\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

fn stops(Extract(state): Extract<SharedState>, uri: &Uri) -> Response {
    match query::parse(uri) {
        Ok(asked) => {
            let found = state.find(&asked.filter, asked.limit);
            typed(StatusCode::OK, JSON, Body::new(Stops::new(found)))
        }
        Err(error) => problem(StatusCode::BAD_REQUEST, &error),
    }
}

pub(super) fn problem(status: StatusCode, error: &str) -> Response {
    let body = serde_json::json!({ "error": error });
    typed(status, JSON, format!("{body}\n"))
}

fn typed(status: StatusCode, kind: &'static str, body: impl IntoResponse) -> Response {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))];
    (status, kind, body).into_response()
}

/// Names in reports come from containers: no browser shall take an answer for a page, or keep it.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
