//! DescribeTransactions: the state of transactional ids (KIP-664).
//! Version 0.
//! Left out: transactions, so no transactional id is known.

use std::ops::RangeInclusive;

use super::context::Context;
use super::handler::Handler;
use crate::protocol::ErrorCode;
use crate::protocol::messages::describe_transactions::{Request, Response, TransactionState};

pub struct DescribeTransactions;

impl Handler for DescribeTransactions {
    type Request = Request;
    const VERSIONS: RangeInclusive<i16> = 0..=0;

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
