//! Numbered proposals: each is applied once, however often it comes.

use std::sync::Arc;

use super::apply;
use super::checks::Checks;
use crate::metadata::command::Step;
use crate::metadata::image::{Image, Owner};
use crate::metadata::members::Proposed;
use crate::metadata::outcome::{Applied, Outcome, Refused};

pub(super) fn apply_once(
    image: &mut Image,
    from: Owner,
    number: u64,
    steps: &[Step],
    checks: Checks,
) -> Outcome {
    let before = image.members.get(from.broker).and_then(|member| member.proposed.as_ref());
    if let Some(before) = before {
        let (newest, given) = ((before.incarnation, before.number), (from.incarnation, number));
        if newest == given {
            return Ok(Applied::Each(before.outcomes.to_vec()));
        }
        if newest > given {
            return Err(Refused::Superseded);
        }
    }
    let outcomes: Vec<Outcome> = steps
        .iter()
        .map(|step| match step {
            Step::Do(command) => apply(image, command, checks),
            Step::Refuse(refused) => Err(refused.clone()),
        })
        .collect();
    let proposed =
        Proposed { incarnation: from.incarnation, number, outcomes: Arc::from(outcomes.as_slice()) };
    image.members.change(from.broker, |member| member.proposed = Some(proposed));
    Ok(Applied::Each(outcomes))
}
