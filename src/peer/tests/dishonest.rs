//! Peers that know the secret, and do not keep to what is agreed.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::support::{CLUSTER, MEMORY, SECRET, Traits, World, pipe, secret, soon};
use crate::peer::handshake::{Me, be_called, call};
use crate::peer::hello::Versions;
use crate::peer::known::Known;
use crate::peer::limits::Share;
use crate::peer::wire::Spawner;
use crate::peer::{MAX_MESSAGE_BYTES, Network, Service};
use crate::runtime::{Runtime, TaskKind};
use crate::types::BrokerId;

type Body = UnsyncBoxBody<Bytes, Infallible>;

fn me(id: i32) -> Me<'static> {
    Me { broker: BrokerId(id), incarnation: 1, cluster_id: CLUSTER, versions: Versions::OURS }
}

/// Broker 9, whose requests this test makes by hand.
async fn known_caller(network: &Network, service: Service, runtime: &Runtime) -> SendRequest<Body> {
    let (mut here, there) = pipe();
    network.take(there, MEMORY.to_owned());
    let to = (BrokerId(2), service);
    call(&mut here, &None, me(9), to, &secret(SECRET), &Known::new(BrokerId(9))).await.unwrap();
    let mut builder = Builder::new(Spawner(runtime.clone()));
    // It does not wait to be told how many calls are allowed.
    let opened = builder.initial_max_send_streams(1000).handshake(TokioIo::new(here)).await;
    let (send, connection) = opened.unwrap();
    runtime.tasks.spawn(TaskKind::Peer, async move { drop(connection.await) });
    send
}

fn whole(bytes: Vec<u8>) -> Body {
    Full::new(Bytes::from(bytes)).boxed_unsync()
}

/// A body that says nothing of its length.
fn unannounced(chunks: usize) -> Body {
    let chunk = Bytes::from(vec![0; 1 << 16]);
    let frames = stream::iter((0..chunks).map(move |_| Ok(Frame::data(chunk.clone()))));
    StreamBody::new(frames).boxed_unsync()
}

async fn status(send: &mut SendRequest<Body>, method: Method, path: &str, body: Body) -> StatusCode {
    let request = Request::builder().method(method).uri(format!("http://broker{path}")).body(body);
    send.send_request(request.unwrap()).await.unwrap().status()
}

#[tokio::test(start_paused = true)]
async fn what_is_not_agreed_is_refused_and_nothing_else_suffers() {
    let world = World::new();
    let two = world.broker(2, &Traits::default());
    let mut send = known_caller(&two.network, Service::Metadata, &world.runtime).await;
    let mut asked = async |method, path, body| status(&mut send, method, path, body).await;
    let post = Method::POST;
    assert_eq!(asked(post.clone(), "/other", whole(vec![1])).await, StatusCode::NOT_FOUND);
    assert_eq!(asked(Method::GET, "/call", whole(vec![1])).await, StatusCode::METHOD_NOT_ALLOWED);
    let too_large = whole(vec![1; MAX_MESSAGE_BYTES + 1]);
    assert_eq!(asked(post.clone(), "/call", too_large).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(asked(post.clone(), "/call", unannounced(200)).await, StatusCode::LENGTH_REQUIRED);
    assert_eq!(two.begun(), 0, "nobody was asked");
    assert_eq!(asked(post, "/call", whole(vec![1; MAX_MESSAGE_BYTES])).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_taken_of_a_peer_than_its_share() {
    let world = World::new();
    let two = world.broker(2, &Traits::default());
    let Share { calls, bytes } = Service::Metadata.share();
    let ask = |send: &SendRequest<Body>, size: usize| {
        let mut send = send.clone();
        let mut body = b"wait".to_vec();
        body.resize(size, 0);
        world.runtime.tasks.spawn(TaskKind::Peer, async move {
            let request = Request::post("http://broker/call").body(whole(body)).unwrap();
            drop(send.send_request(request).await);
        });
    };
    let send = known_caller(&two.network, Service::Metadata, &world.runtime).await;
    for _ in 0..3 * calls {
        ask(&send, 4);
    }
    world.runtime.clock.sleep(Duration::from_millis(100)).await;
    // Those beyond are refused, or wait.
    assert_eq!(two.begun(), calls as usize);

    let send = known_caller(&two.network, Service::Metadata, &world.runtime).await;
    soon(&world.runtime, "calls of the first connection end", || two.dropped() == calls as usize).await;
    for _ in 0..5 {
        ask(&send, bytes as usize / 3);
    }
    world.runtime.clock.sleep(Duration::from_millis(100)).await;
    assert_eq!(two.begun(), calls as usize + 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_end_is_read_no_further_than_allowed() {
    let world = World::new();
    let one = world.broker(1, &Traits::default());
    // Broker 2 is made by hand.
    let (dialled, mut calls) = tokio::sync::mpsc::unbounded_channel();
    world.listen(2, move |stream| dialled.send(stream).is_ok());
    let runtime = world.runtime.clone();
    world.runtime.tasks.spawn(TaskKind::Peer, async move {
        while let Some(mut stream) = calls.recv().await {
            let known = Known::new(BrokerId(2));
            be_called(&mut stream, &None, me(2), &secret(SECRET), &known).await.unwrap();
            let endless = service_fn(|_: Request<Incoming>| async {
                Ok::<_, Infallible>(Response::new(unannounced(usize::MAX)))
            });
            let builder = hyper::server::conn::http2::Builder::new(Spawner(runtime.clone()));
            drop(builder.serve_connection(TokioIo::new(stream), endless).await);
        }
    });
    let started = world.runtime.clock.instant();
    let refused = one.ask(2, Service::Raft, "hello").await.unwrap_err();
    assert!(refused.reason.contains("too large"), "{refused}");
    assert!(world.runtime.clock.instant() - started < Duration::from_secs(1));
}
