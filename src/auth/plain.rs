//! PLAIN (RFC 4616): a name and a password, as they are.

mod message;

use std::sync::Arc;

use super::principal::Principal;
use super::step::{Login, Refusal, Reply, Step};
use super::users::{Users, Wrong};
use message::{Message, parse};

/// As Kafka words it. The reason is not told apart.
const REPLY: Reply = Reply::Own("Authentication failed: Invalid username or password");

/// The server's side of one login.
pub struct Exchange {
    users: Arc<Users>,
    is_over: bool,
}

impl Exchange {
    pub fn new(users: Arc<Users>) -> Exchange {
        Exchange { users, is_over: false }
    }

    pub fn step(&mut self, token: &[u8]) -> Step {
        let judged = match std::mem::replace(&mut self.is_over, true) {
            true => Err("a token behind the end of the login".to_owned()),
            false => self.judge(token),
        };
        match judged {
            Ok(principal) => Step::Done { last: Vec::new(), login: Login::of(principal) },
            Err(reason) => Step::Refused(Refusal { reply: REPLY, reason }),
        }
    }

    fn judge(&self, token: &[u8]) -> Result<Principal, String> {
        let Message { authzid, name, password } = parse(token)?;
        let principal = Principal::user(name).map_err(|bad| bad.to_string())?;
        if password.is_empty() {
            return Err(format!("{name:?}: there is no password"));
        }
        // Reasons of one shape: they take their time too.
        self.users.check(name, password).map_err(|wrong| {
            let reason = match wrong {
                Wrong::Name => "there is no such user",
                Wrong::Password => "the password is wrong",
            };
            format!("{name:?}: {reason}")
        })?;
        match authzid.is_empty() || authzid == name {
            true => Ok(principal),
            false => Err(format!("{name:?}: it asks to act as somebody else")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::users::UserSources;
    use crate::runtime::{Runtime, Secret};

    fn users() -> Arc<Users> {
        let list = Some(Secret::new("alice:wonder:land,bob:b"));
        let users = Users::open(&UserSources { list, file: None }, &Runtime::simulated(1));
        Arc::new(users.expect("two users"))
    }

    fn step(token: &[u8]) -> Step {
        Exchange::new(users()).step(token)
    }

    #[tokio::test]
    async fn who_knows_the_password_is_let_in() {
        for token in [&b"\0alice\0wonder:land"[..], b"alice\0alice\0wonder:land"] {
            let alice = Principal::user("alice").expect("a name");
            assert_eq!(step(token), Step::Done { last: Vec::new(), login: Login::of(alice) });
        }
    }

    #[tokio::test]
    async fn everybody_else_is_told_the_same() {
        for (token, reason) in [
            (&b""[..], "the message has not three parts"),
            (b"alice\0wonder:land", "the message has not three parts"),
            (b"\0alice\0wonder:land\0", "the message has not three parts"),
            (b"\0alice\0\xff", "the message is not UTF-8"),
            (b"\0\0wonder:land", "the name is empty"),
            (b"\0*\0wonder:land", "the name is *, which stands for everybody"),
            (b"\0alice\0", "\"alice\": there is no password"),
            (b"\0alice\0wonder", "\"alice\": the password is wrong"),
            (b"\0alice\0b", "\"alice\": the password is wrong"),
            (b"\0Alice\0wonder:land", "\"Alice\": there is no such user"),
            (b"bob\0alice\0wonder:land", "\"alice\": it asks to act as somebody else"),
        ] {
            let refusal = Refusal { reply: REPLY, reason: reason.to_owned() };
            assert_eq!(step(token), Step::Refused(refusal));
        }
    }

    #[tokio::test]
    async fn a_login_takes_one_token() {
        let mut exchange = Exchange::new(users());
        assert!(matches!(exchange.step(b"\0bob\0b"), Step::Done { .. }));
        assert!(matches!(exchange.step(b"\0bob\0b"), Step::Refused(_)));
    }
}
