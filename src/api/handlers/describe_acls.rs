//! DescribeAcls: the access rules that match a filter.
//! Versions 1-3. 2: flexible encoding. 3: user resources (KIP-373).
//! Left out: there is no authorizer yet, so the answer is that of a Kafka broker without one (`AclApis`).

use crate::api::context::Context;
use crate::api::errors::no_authorizer_to_ask;
use crate::api::handler::{Handler, Versions};
use crate::protocol::messages::describe_acls::{Request, Response};

pub struct DescribeAcls;

impl Handler for DescribeAcls {
    type Request = Request;
    const VERSIONS: Versions = 1..=3;

    async fn handle(_: Context, _: Request) -> Response {
        no_authorizer_to_ask().into()
    }
}
