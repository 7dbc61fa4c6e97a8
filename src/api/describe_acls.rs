//! DescribeAcls: the access rules that match a filter.
//! Versions 1-3. 2: flexible encoding. 3: user resources (KIP-373).
//! Left out: there is no authorizer yet, so the answer is that of a Kafka broker without one (`AclApis`).

use std::ops::RangeInclusive;

use super::context::Context;
use super::errors::no_authorizer_to_ask;
use super::handler::Handler;
use crate::protocol::messages::describe_acls::{Request, Response};

pub struct DescribeAcls;

impl Handler for DescribeAcls {
    type Request = Request;
    const VERSIONS: RangeInclusive<i16> = 1..=3;

    async fn handle(_: Context, _: Request) -> Response {
        let failure = no_authorizer_to_ask();
        Response { error_code: failure.code.into(), error_message: failure.message, ..Response::default() }
    }
}
