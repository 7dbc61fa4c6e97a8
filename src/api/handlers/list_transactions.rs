//! ListTransactions: the transactions that this broker coordinates (KIP-664).
//! Versions 0-2. 1: the least duration (KIP-994). 2: a pattern of transactional ids (KIP-1152).
//! Left out: transactions, so the list is empty; the filters are checked as Kafka does.

use std::collections::BTreeSet;

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::list_transactions::{Request, Response};

/// The names of `TransactionState`, as clients filter by them.
const STATES: [&str; 8] = [
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
];

pub struct ListTransactions;

impl Handler for ListTransactions {
    type Request = Request;
    const VERSIONS: Versions = 0..=2;

    async fn handle(_: Context, request: Request) -> Response {
        let pattern = request.transactional_id_pattern.unwrap_or_default();
        if regex::Regex::new(&pattern).is_err() {
            return Response {
                error_code: ErrorCode::InvalidRegularExpression.into(),
                ..Response::default()
            };
        }
        let unknown: BTreeSet<String> = request.state_filters.into_iter().collect();
        let unknown = unknown.into_iter().filter(|state| !STATES.contains(&state.as_str()));
        Response { unknown_state_filters: unknown.collect(), ..Response::default() }
    }
}
