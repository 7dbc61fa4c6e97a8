//! UpdateFeatures: finalises what the cluster's brokers agree to speak (KIP-584).
//! Versions 0-2. 0: downgrades by a flag. 1: upgrade types and validation alone (KIP-778). 2: one error for the whole
//! request (KIP-1022).
//! Left out: nothing. `metadata.version` and `kafkaesque.version` are not lowered: what that would lose of the metadata is not
//! known. The latter rises by itself once all brokers can do more.

use crate::api::context::Context;
use crate::api::errors::Failure;
use crate::api::handler::{Handler, Versions};
use crate::metadata::{Command, FEATURES, Features};
use crate::protocol::ErrorCode;
use crate::protocol::messages::update_features::{
    FeatureUpdateKey, Request, Response, UpdatableFeatureResult,
};

/// `FeatureUpdate.UpgradeType`.
const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const UNSAFE_DOWNGRADE: i8 = 3;

pub struct UpdateFeatures;

impl Handler for UpdateFeatures {
    type Request = Request;
    const VERSIONS: Versions = 0..=2;

    async fn handle(context: Context, request: Request) -> Result<Response, Failure> {
        let image = context.newest().await?;
        let checked = request.feature_updates.iter().map(|update| {
            let kind = upgrade_type(update, context.version);
            (update, check(&image.features, update, kind))
        });
        let checked: Vec<(&FeatureUpdateKey, Result<(), Failure>)> = checked.collect();
        if let Some((update, Err(failure))) = checked.iter().find(|(_, outcome)| outcome.is_err()) {
            return Err(refused(update, failure));
        }
        let commands = request
            .feature_updates
            .iter()
            .map(|update| Command::finalize(&update.feature, update.max_version_level));
        let outcome: Result<(), Failure> = match request.validate_only {
            true => context.would_change(commands.collect()).await.into_iter().collect(),
            false => context.change(commands.collect()).await.into_iter().try_for_each(|one| one.map(drop)),
        };
        outcome?;
        let results = results(&request.feature_updates);
        Ok(Response { error_message: None, results, ..Response::default() })
    }
}

fn upgrade_type(update: &FeatureUpdateKey, version: i16) -> i8 {
    match version {
        0 if update.allow_downgrade => SAFE_DOWNGRADE,
        0 => UPGRADE,
        _ => update.upgrade_type,
    }
}

/// The checks of Kafka's `FeatureControlManager`, in its order.
fn check(features: &Features, update: &FeatureUpdateKey, kind: i8) -> Result<(), Failure> {
    let (name, level) = (update.feature.as_str(), update.max_version_level);
    let invalid = |why: String| {
        let message = format!("Invalid update version {level} for feature {name}. {why}");
        Err(Failure::new(ErrorCode::InvalidUpdateVersion, message))
    };
    if !matches!(kind, UPGRADE | SAFE_DOWNGRADE | UNSAFE_DOWNGRADE) {
        return invalid("The controller does not support the given upgrade type.".to_owned());
    }
    if level < 0 {
        return invalid("A feature version cannot be less than 0.".to_owned());
    }
    let Some(feature) = FEATURES.iter().find(|feature| feature.name == name) else {
        return invalid("The feature is not supported by this cluster.".to_owned());
    };
    let removes = level == 0 && !feature.only_rises();
    if !removes && !(feature.min..=feature.max).contains(&level) {
        return invalid(format!("Only versions {}-{} are supported.", feature.min, feature.max));
    }
    let current = features.levels.get(name).copied().unwrap_or(0);
    if level < current && kind == UPGRADE {
        return invalid(
            "Can't downgrade the version of this feature without setting the upgrade type to either safe or \
             unsafe downgrade."
                .to_owned(),
        );
    }
    if level > current && kind != UPGRADE {
        return invalid("Can't downgrade to a newer version.".to_owned());
    }
    if level < current && feature.only_rises() {
        return invalid("Refusing the downgrade because it might lose metadata.".to_owned());
    }
    Ok(())
}

/// Nothing is changed when one update is refused, and the whole request has its error.
fn refused(first: &FeatureUpdateKey, failure: &Failure) -> Failure {
    let why = failure.message.clone().unwrap_or_default();
    let message = format!(
        "The update failed for all features since the following feature had an error: {}: {why}",
        first.feature
    );
    Failure::new(failure.code, message)
}

/// Before version 2 each update is named when all have been made.
fn results(updates: &[FeatureUpdateKey]) -> Vec<UpdatableFeatureResult> {
    let results = updates.iter().map(|update| UpdatableFeatureResult {
        feature: update.feature.clone(),
        error_message: None,
        ..UpdatableFeatureResult::default()
    });
    results.collect()
}
