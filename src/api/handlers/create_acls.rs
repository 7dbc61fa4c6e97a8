//! CreateAcls: adds access rules.
//! Versions 1-3. 2: flexible encoding. 3: user resources (KIP-373).
//! Left out: there is no authorizer yet, so the answer is that of a Kafka broker without one (`AclApis`).

use crate::api::context::Context;
use crate::api::errors::no_authorizer;
use crate::api::handler::{Handler, Versions};
use crate::protocol::messages::create_acls::{Request, Response};

pub struct CreateAcls;

impl Handler for CreateAcls {
    type Request = Request;
    const VERSIONS: Versions = 1..=3;

    async fn handle(_: Context, request: Request) -> Response {
        let refused = request.creations.iter().map(|_| no_authorizer().into());
        Response { results: refused.collect(), ..Response::default() }
    }
}
