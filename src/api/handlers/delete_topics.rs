//! DeleteTopics: ends topics, by name or by id.
//! Versions 1-6. 4: flexible. 5: error messages. 6: by id (KIP-516).
//! Left out: nothing. A topic is gone once the answer is sent; its data goes afterwards.

use std::collections::HashSet;

use crate::api::context::Context;
use crate::api::errors::{Failure, must_have_time};
use crate::api::handler::{Handler, Versions};
use crate::api::topics::find_repeated;
use crate::metadata::{Command, Image};
use crate::protocol::ErrorCode;
use crate::protocol::messages::delete_topics::{DeletableTopicResult, DeleteTopicState, Request, Response};
use crate::types::TopicId;

pub struct DeleteTopics;

impl Handler for DeleteTopics {
    type Request = Request;
    const VERSIONS: Versions = 1..=6;

    async fn handle(context: Context, request: Request) -> Response {
        let by_name = |name: &String| DeleteTopicState { name: Some(name.clone()), ..Default::default() };
        let all: Vec<DeleteTopicState> =
            request.topic_names.iter().map(by_name).chain(request.topics).collect();
        let key = |topic: &DeleteTopicState| (topic.name.clone(), topic.topic_id);
        let repeated = find_repeated(all.iter().map(key));
        let mut seen = HashSet::new();
        let asked: Vec<&DeleteTopicState> = all.iter().filter(|topic| seen.insert(key(topic))).collect();
        let image = context.image();
        let found = asked.iter().map(|topic| find(&image, topic, repeated.contains(&key(topic))));
        let found: Vec<Result<(TopicId, String), Failure>> = found.collect();
        // Kafka looks up in its time what is named well.
        let looks_up = found.iter().any(|found| !is_ill_named(found));
        if let (true, Err(late)) = (looks_up, must_have_time(request.timeout_ms)) {
            let refused = all.iter().map(|topic| result(topic, Err(late.into())));
            return Response { responses: refused.collect(), ..Response::default() };
        }
        let found = match context.newest().await {
            _ if !looks_up => found,
            Ok(image) => {
                asked.iter().map(|topic| find(&image, topic, repeated.contains(&key(topic)))).collect()
            }
            Err(failure) => found
                .into_iter()
                .map(|found| if is_ill_named(&found) { found } else { Err(failure.clone()) })
                .collect(),
        };
        let responses = delete(&context, &asked, found).await;
        Response { responses, ..Response::default() }
    }
}

fn is_ill_named(found: &Result<(TopicId, String), Failure>) -> bool {
    found.as_ref().is_err_and(|failure| failure.code == ErrorCode::InvalidRequest)
}

async fn delete(
    context: &Context,
    asked: &[&DeleteTopicState],
    found: Vec<Result<(TopicId, String), Failure>>,
) -> Vec<DeletableTopicResult> {
    let deleted_ms = context.broker.runtime.clock.now_ms();
    let plans = found.into_iter().map(|found| {
        let (id, name) = found?;
        Ok(((id, name), Command::DeleteTopic { id, deleted_ms }))
    });
    let outcomes = context.carry_out(plans.collect(), false).await;
    let results = asked.iter().zip(outcomes).map(|(asked, outcome)| match outcome {
        Ok((id, name)) => DeletableTopicResult { name: Some(name), topic_id: id.0, ..result(asked, Ok(())) },
        Err(failure) => result(asked, Err(failure)),
    });
    results.collect()
}

fn result(asked: &DeleteTopicState, outcome: Result<(), Failure>) -> DeletableTopicResult {
    let result = outcome.err().map_or_else(Default::default, Failure::into);
    DeletableTopicResult { name: asked.name.clone(), topic_id: asked.topic_id, ..result }
}

fn find(image: &Image, asked: &DeleteTopicState, repeated: bool) -> Result<(TopicId, String), Failure> {
    let invalid = |message: &str| Err(Failure::new(ErrorCode::InvalidRequest, message.to_owned()));
    let topic = match (asked.name.as_deref(), asked.topic_id.is_nil()) {
        (None, true) => return invalid("Neither topic name nor id were specified."),
        (Some(_), false) => return invalid("You may not specify both topic name and topic id."),
        (Some(_), true) if repeated => return invalid("Duplicate topic name."),
        (None, false) if repeated => return invalid("Duplicate topic id."),
        (Some(name), true) => {
            image.topic_by_name(name).ok_or_else(|| unknown(ErrorCode::UnknownTopicOrPartition))?
        }
        (None, false) => {
            image.topic(TopicId(asked.topic_id)).ok_or_else(|| unknown(ErrorCode::UnknownTopicId))?
        }
    };
    Ok((topic.id, topic.name.to_string()))
}

fn unknown(code: ErrorCode) -> Failure {
    let message = match code {
        ErrorCode::UnknownTopicId => "This server does not host this topic ID.",
        _ => "This server does not host this topic-partition.",
    };
    Failure::new(code, message.to_owned())
}
