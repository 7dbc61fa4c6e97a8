//! DeleteTopics: ends topics, by name or by id.
//! Versions 1-6. 4: flexible. 5: error messages. 6: by id (KIP-516).
//! Left out: nothing. A topic is gone once the answer is sent; its data goes afterwards.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use futures::future::join_all;

use super::context::{Broker, Context};
use super::errors::Failure;
use super::handler::Handler;
use crate::metadata::{Command, Image};
use crate::protocol::ErrorCode;
use crate::protocol::messages::delete_topics::{DeletableTopicResult, DeleteTopicState, Request, Response};
use crate::types::TopicId;

pub struct DeleteTopics;

impl Handler for DeleteTopics {
    type Request = Request;
    const VERSIONS: RangeInclusive<i16> = 1..=6;

    async fn handle(context: Context, request: Request) -> Response {
        let by_name = |name: &String| DeleteTopicState { name: Some(name.clone()), ..Default::default() };
        let named = request.topic_names.iter().map(by_name);
        let mut times: HashMap<(Option<String>, uuid::Uuid), usize> = HashMap::new();
        let mut asked = Vec::new();
        for topic in named.chain(request.topics) {
            let seen = times.entry((topic.name.clone(), topic.topic_id)).or_default();
            *seen += 1;
            if *seen == 1 {
                asked.push(topic);
            }
        }
        let image = context.image();
        let results = asked.into_iter().map(|topic| {
            let repeated = times.get(&(topic.name.clone(), topic.topic_id)).is_some_and(|times| *times > 1);
            delete(&context.broker, &image, topic, repeated)
        });
        Response { responses: join_all(results).await, ..Response::default() }
    }
}

async fn delete(
    broker: &Broker,
    image: &Image,
    asked: DeleteTopicState,
    repeated: bool,
) -> DeletableTopicResult {
    let mut result =
        DeletableTopicResult { name: asked.name.clone(), topic_id: asked.topic_id, ..Default::default() };
    let outcome = match find(image, &asked, repeated) {
        Ok((id, name)) => {
            result.name = Some(name);
            result.topic_id = id.0;
            propose(broker, id).await
        }
        Err(failure) => Err(failure),
    };
    if let Err(failure) = outcome {
        result.error_code = failure.code.into();
        result.error_message = failure.message;
    }
    result
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

async fn propose(broker: &Broker, id: TopicId) -> Result<(), Failure> {
    let deleted_ms = broker.runtime.clock.now_ms();
    broker.propose(Command::DeleteTopic { id, deleted_ms }).await?;
    Ok(())
}
