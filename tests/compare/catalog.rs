//! Every API as a row of functions, so that one loop can go over all of them.

use bytes::Bytes;
use serde_json::Value as Json;

use kafkaesque::protocol::codec::{Message as _, Request, Versions};
use kafkaesque::protocol::header::{decode_response_header, request_frame};
use kafkaesque::protocol::{ApiKey, messages};

use crate::generator::{Generator, Ids};
use crate::odd::{self, Oddity};
use crate::shape::{self, Names};

/// Out of what a request is made.
#[derive(Clone, Copy)]
pub struct Recipe {
    pub version: i16,
    pub seed: u64,
    pub serial: u64,
    pub is_bad: bool,
    /// Something odd about the frame.
    pub oddity: Option<Oddity>,
}

/// A request as it is sent.
pub struct Made {
    pub frame: Vec<u8>,
    pub shown: Json,
    /// Wrong words in it.
    pub spoilt: usize,
}

pub struct Api {
    pub key: ApiKey,
    pub name: &'static str,
    pub versions: Versions,
    pub make: fn(Recipe, Ids<'_>, &Names) -> Made,
    /// The answer in `frame`, which must be whole and of the right layout.
    pub read: fn(&Bytes, i16, &Names) -> Json,
}

fn make<R: Request>(name: &'static str, recipe: Recipe, ids: Ids<'_>, names: &Names) -> Made {
    let Recipe { version, seed, serial, is_bad, oddity } = recipe;
    let mut generator = Generator::new(name, version, seed, serial, is_bad, ids);
    let mut request = R::default();
    let Ok(()) = request.read(&mut generator);
    let frame = match oddity {
        Some(oddity) => odd::frame(&request, version, serial as i32, oddity, seed),
        None => request_frame(&request, version, serial as i32, Some("compare"))
            .unwrap_or_else(|error| panic!("{name} version {version}: {error}"))
            .concat(),
    };
    Made { frame, shown: shape::show(&request, version, names), spoilt: generator.spoilt }
}

fn read<R: Request>(frame: &Bytes, version: i16, names: &Names) -> Json {
    let (_, body) = decode_response_header(frame, R::KEY, version).expect("a response header");
    match R::Response::decode(&body, version) {
        Ok(response) => shape::show_united(&response, version, names),
        Err(error) => format!("{error} in {body:?}").into(),
    }
}

macro_rules! apis {
    ($( $module:ident $name:ident, )*) => {
        &[$( Api {
            key: ApiKey::$name,
            name: stringify!($name),
            versions: messages::$module::Request::MESSAGE.versions,
            make: |recipe, ids, names| make::<messages::$module::Request>(stringify!($name), recipe, ids, names),
            read: read::<messages::$module::Request>,
        }, )*]
    };
}

/// In the order of keys.
pub static APIS: &[Api] = kafkaesque::for_each_api!(apis);
