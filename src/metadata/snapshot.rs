//! The image as bytes: what a Raft snapshot holds.
//!
//! format u8 = 4 | the image, postcard | its history, postcard | its members, postcard | its users, postcard
//! format u8 = 3 | the image, postcard | its history, postcard | its members, postcard   (no users are known)
//! format u8 = 2 | the image, postcard | its history, postcard   (no members are known)
//! format u8 = 1 | the image, postcard                           (no history is known either)
//!
//! The format counts up when the image's fields change; reading knows every format that was ever written. Without users the
//! third is written: brokers that know of no later one may be among the others until there are some.

use super::image::{Configs, Image};
use super::users::Users;

const FORMAT: u8 = 4;
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
    #[error("the snapshot is damaged")]
    Damaged(#[from] postcard::Error),
    #[error("the snapshot is empty")]
    Empty,
}

/// Equal images give equal bytes.
pub(super) fn encode(image: &Image) -> Result<Vec<u8>, postcard::Error> {
    let users = &image.configs.users;
    let has_users = *users != Users::default();
    let format = if has_users { FORMAT } else { WITHOUT_USERS };
    let bytes = postcard::to_extend(image, vec![format])?;
    let bytes = postcard::to_extend(&image.history, bytes)?;
    let bytes = postcard::to_extend(&image.members, bytes)?;
    if has_users { postcard::to_extend(users, bytes) } else { Ok(bytes) }
}

pub(super) fn decode(bytes: &[u8]) -> Result<Image, DecodeError> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => {
            let (image, rest) = postcard::take_from_bytes::<Image>(rest)?;
            let (history, rest) = postcard::take_from_bytes(rest)?;
            let (members, rest) = postcard::take_from_bytes(rest)?;
            let configs = Configs { users: postcard::from_bytes(rest)?, ..image.configs };
            Ok(Image { history, members, configs, ..image })
        }
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
