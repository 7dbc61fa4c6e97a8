//! DescribeTransactions: the state of transactional ids (KIP-664).
//! Version 0.
//! Left out: transactions, so no transactional id is known.

use crate::api::context::Context;
use crate::api::handler::{Handler, Versions};
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_transactions::{Request, Response, TransactionState};

pub struct DescribeTransactions;

impl Handler for DescribeTransactions {
    type Request = Request;
    const VERSIONS: Versions = 0..=0;

    async fn handle(_: Context, request: Request) -> Response {
        let states = request.transactional_ids.into_iter().map(|transactional_id| {
            let code = match transactional_id.is_empty() {
                true => ErrorCode::InvalidRequest,
                false => ErrorCode::TransactionalIdNotFound,
            };
            TransactionState { error_code: code.into(), transactional_id, ..TransactionState::default() }
        });
        Response { transaction_states: states.collect(), ..Response::default() }
    }
}
