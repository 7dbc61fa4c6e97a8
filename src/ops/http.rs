//! `/`, `/health`, `/live`, `/ready` and `/metrics`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use super::listener::Bounded;
use super::metrics;
use super::page::page;
use super::readiness::{Readiness, Report};
use crate::runtime::clock::Instant;
use crate::runtime::{Runtime, Shutdown};
use crate::tls::Acceptor;

/// The broker's part of `/health`: its id, its cluster, its shards. Called for every request, so it must be cheap.
pub type Summary = Arc<dyn Fn() -> Map<String, Value> + Send + Sync>;

/// Awaited before metrics are collected, for what cannot be looked up while they are.
pub type Look = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// The operations port.
#[derive(Clone)]
pub struct Http {
    readiness: Readiness,
    summary: Summary,
    look: Look,
    metrics_token: Option<Arc<str>>,
    runtime: Runtime,
    started: Instant,
}

impl Http {
    /// With a token, `/metrics` is given only to those who send it as a bearer token.
    pub fn new(
        readiness: Readiness,
        summary: Summary,
        look: Look,
        metrics_token: Option<&str>,
        runtime: &Runtime,
    ) -> Http {
        Http {
            readiness,
            summary,
            look,
            metrics_token: metrics_token.map(Arc::from),
            started: runtime.clock.instant(),
            runtime: runtime.clone(),
        }
    }

    /// Answers until `stop` is requested, encrypted if there is an acceptor. The stop should come last of all, so that a
    /// stopping broker says that it is.
    pub async fn serve(
        self,
        listener: TcpListener,
        tls: Option<Acceptor>,
        stop: Shutdown,
    ) -> std::io::Result<()> {
        let listener = Bounded::new(listener, tls, self.runtime.clock.clone());
        axum::serve(listener, self.router())
            .with_graceful_shutdown(async move { stop.requested().await })
            .await
    }

    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/", get(index))
            .route("/health", get(health))
            .route("/live", get(live))
            .route("/ready", get(ready))
            .route("/metrics", get(metrics_text))
            .with_state(self)
    }
}

fn status_of(report: &Report) -> StatusCode {
    if report.is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn answer(status: StatusCode, body: Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// A page for people.
async fn index(State(http): State<Http>) -> Response {
    let (_, body) = summary(&http);
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page(&body)).into_response()
}

/// A summary for people and scripts.
async fn health(State(http): State<Http>) -> Response {
    let (status, body) = summary(&http);
    answer(status, Value::Object(body))
}

fn summary(http: &Http) -> (StatusCode, Map<String, Value>) {
    let report = http.readiness.report(http.runtime.tasks.failure());
    let uptime = http.runtime.clock.instant().duration_since(http.started);
    let mut body = (http.summary)();
    body.insert("status".to_owned(), json!(report.status));
    body.insert("reason".to_owned(), json!(report.reason));
    body.insert("unable".to_owned(), json!(report.unable));
    body.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
    body.insert("uptime_seconds".to_owned(), json!(uptime.as_secs()));
    body.insert("tasks".to_owned(), json!(http.runtime.tasks.running()));
    (status_of(&report), body)
}

/// Tells whether the process should be left running.
async fn live(State(http): State<Http>) -> Response {
    match http.runtime.tasks.failure() {
        None => answer(StatusCode::OK, json!({ "status": "live" })),
        Some(reason) => {
            answer(StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "failed", "reason": reason }))
        }
    }
}

/// Tells whether clients should be sent here.
async fn ready(State(http): State<Http>) -> Response {
    let report = http.readiness.report(http.runtime.tasks.failure());
    let body = json!({ "status": report.status, "reason": report.reason, "unable": report.unable });
    answer(status_of(&report), body)
}

async fn metrics_text(State(http): State<Http>, headers: HeaderMap) -> Response {
    if let Some(token) = &http.metrics_token
        && !bears(&headers, token)
    {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response();
    }
    (http.look)().await;
    match metrics::encode(&http.runtime.metrics) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn bears(headers: &HeaderMap, token: &str) -> bool {
    let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    given.and_then(|value| value.strip_prefix(b"Bearer ")).is_some_and(|given| same(given, token.as_bytes()))
}

/// Compares in a time that depends on the lengths alone, so that answers do not tell how much of a guess was right.
fn same(given: &[u8], expected: &[u8]) -> bool {
    let differences = given.iter().zip(expected).fold(0, |all, (a, b)| all | (a ^ b));
    std::hint::black_box(differences) == 0 && given.len() == expected.len()
}
