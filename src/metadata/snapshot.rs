//! The image as bytes: what a Raft snapshot holds.
//!
//! format u8 = 5 | the cluster's level u16 | the image, postcard | its history, postcard | its members, postcard
//!     | its users, postcard | what its brokers declared, postcard
//! format u8 = 4 | the image, postcard | its history, postcard | its members, postcard | its users, postcard
//! format u8 = 3 | the image, postcard | its history, postcard | its members, postcard   (no users are known)
//! format u8 = 2 | the image, postcard | its history, postcard   (no members are known)
//! format u8 = 1 | the image, postcard                           (no history is known either)
//!
//! The format counts up when the image's fields change; reading knows every format that was ever written. A cluster
//! without a finalised level has brokers that do not know the fifth, and, while it has no users, perhaps the fourth.

use super::image::{Configs, Image};
use super::users::Users;
use super::version;

const FORMAT: u8 = 5;
/// The format before levels.
const WITHOUT_LEVEL: u8 = 4;
/// The format before users.
const WITHOUT_USERS: u8 = 3;
/// The format before members.
const WITHOUT_MEMBERS: u8 = 2;
/// The format before histories.
const WITHOUT_HISTORY: u8 = 1;

/// Bytes that are no image of a known format.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    #[error("the snapshot has format {0}, which this version does not know")]
    UnknownFormat(u8),
    #[error("the snapshot is at level {level}, and this program knows levels up to {}", version::LATEST)]
    TooNew { level: u16 },
    #[error("the snapshot is damaged")]
    Damaged(#[from] postcard::Error),
    #[error("the snapshot is empty")]
    Empty,
}

/// Equal images give equal bytes.
pub(super) fn encode(image: &Image) -> Result<Vec<u8>, postcard::Error> {
    let users = &image.configs.users;
    let has_users = *users != Users::default();
    let (start, has_users) = match image.finalized_level() {
        Some(level) => ([&[FORMAT], &level.to_be_bytes()[..]].concat(), true),
        None if has_users => (vec![WITHOUT_LEVEL], true),
        None => (vec![WITHOUT_USERS], false),
    };
    let bytes = postcard::to_extend(image, start)?;
    let bytes = postcard::to_extend(&image.history, bytes)?;
    let bytes = postcard::to_extend(&image.members, bytes)?;
    if !has_users {
        return Ok(bytes);
    }
    let bytes = postcard::to_extend(users, bytes)?;
    match image.finalized_level() {
        Some(_) => postcard::to_extend(&image.configs.declared, bytes),
        None => Ok(bytes),
    }
}

pub(super) fn decode(bytes: &[u8]) -> Result<Image, DecodeError> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => {
            let (level, rest) = rest.split_first_chunk().ok_or(DecodeError::Empty)?;
            match u16::from_be_bytes(*level) {
                level if level > version::LATEST => Err(DecodeError::TooNew { level }),
                _ => {
                    let (image, rest) = with_users(rest)?;
                    let configs = Configs { declared: postcard::from_bytes(rest)?, ..image.configs };
                    Ok(Image { configs, ..image })
                }
            }
        }
        Some((&WITHOUT_LEVEL, rest)) => Ok(with_users(rest)?.0),
        Some((&WITHOUT_USERS, rest)) => {
            let (image, rest) = postcard::take_from_bytes(rest)?;
            let (history, rest) = postcard::take_from_bytes(rest)?;
            Ok(Image { history, members: postcard::from_bytes(rest)?, ..image })
        }
        Some((&WITHOUT_MEMBERS, rest)) => {
            let (image, rest) = postcard::take_from_bytes(rest)?;
            Ok(Image { history: postcard::from_bytes(rest)?, ..image })
        }
        Some((&WITHOUT_HISTORY, rest)) => Ok(postcard::from_bytes(rest)?),
        Some((format, _)) => Err(DecodeError::UnknownFormat(*format)),
        None => Err(DecodeError::Empty),
    }
}

/// An image with its users, and what is behind them.
fn with_users(bytes: &[u8]) -> Result<(Image, &[u8]), DecodeError> {
    let (image, rest) = postcard::take_from_bytes::<Image>(bytes)?;
    let (history, rest) = postcard::take_from_bytes(rest)?;
    let (members, rest) = postcard::take_from_bytes(rest)?;
    let (users, rest) = postcard::take_from_bytes(rest)?;
    let configs = Configs { users, ..image.configs };
    Ok((Image { history, members, configs, ..image }, rest))
}
