//! The command line: one flag per process setting that is no secret, built from the table of them. No logic.

use std::ffi::OsString;
use std::num::NonZeroU16;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::{Config, Given, VARIABLES, Variable};
use crate::ops::Question;
use crate::storage::Part;
use crate::types::ShardId;
use crate::{operator, ops, storage};

/// The commands beside running a broker.
const HEALTH: &str = "health";
const READY: &str = "ready";
const STORAGE: &str = "storage";
const REPAIR: &str = "repair";
const SHARD: &str = "shard";
const METADATA: &str = "metadata";
const ACCEPT_LOSS: &str = "accept-loss";
const CLUSTER: &str = "cluster";
const STATUS: &str = "status";
const JSON: &str = "json";
const REMOVE: &str = "remove";
const SHARDS: &str = "shards";
const COUNT: &str = "count";
const ID: &str = "id";
const DRAIN: &str = "drain";

/// Reads flags and environment, then hands the settings to `run`. What is wrong with them goes to standard error, and
/// the exit code is then 2.
pub fn main(run: impl FnOnce(Config) -> ExitCode) -> ExitCode {
    main_with(|given| given, run)
}

/// As [`main`], with `prepare` in between: what was given, and what else is to be taken as given.
pub fn main_with(prepare: impl FnOnce(Given) -> Given, run: impl FnOnce(Config) -> ExitCode) -> ExitCode {
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return stop(&error),
    };
    match Config::load(&prepare(given(&matches, Given::from_environment()))) {
        Ok(config) => match (matches.subcommand_matches(HEALTH), repaired(&matches)) {
            (Some(asked), _) => health(&config, asked),
            (None, Some((part, accept_loss))) => report(storage::repair(&config, part, accept_loss)),
            (None, None) => operate(&matches, &config).unwrap_or_else(|| run(config)),
        },
        Err(error) => {
            eprintln!("kafkaesque cannot start with these settings:\n{error}");
            ExitCode::from(2)
        }
    }
}

/// The settings of a command line over those of an environment.
pub fn parse(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    environment: Given,
) -> Result<Given, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    Ok(given(&matches, environment))
}

/// The command with all its flags.
pub fn command() -> Command {
    Command::new("kafkaesque")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The Kafka protocol on object storage: one binary, nothing else to run.")
        .after_help(format!(
            "Every setting is an environment variable, named in brackets, and a flag; the flag wins. \
             Secrets are variables alone, since everybody on a machine can see its command lines:\n\n{}",
            secrets()
        ))
        .args(VARIABLES.iter().filter(|variable| !variable.secret).map(argument))
        .disable_help_subcommand(true)
        .subcommand(health_command())
        .subcommand(
            Command::new(STORAGE)
                .about("Looks after what is stored. Settings stand before it, or in variables.")
                .subcommand_required(true)
                .disable_help_subcommand(true)
                .subcommand(repair_command()),
        )
        .subcommand(
            Command::new(CLUSTER)
                .about(
                    "Asks the brokers of RAFT_PEERS about their cluster. The settings are those of a broker, \
                     before it or in variables.",
                )
                .subcommand_required(true)
                .disable_help_subcommand(true)
                .subcommand(status_command())
                .subcommand(remove_command())
                .subcommand(shards_command()),
        )
}

fn status_command() -> Command {
    Command::new(STATUS)
        .about("Tells of brokers and shards, and fails if anything is not as it should be.")
        .arg(Arg::new(JSON).long(JSON).action(ArgAction::SetTrue).help("As JSON"))
}

fn remove_command() -> Command {
    Command::new(REMOVE)
        .about(
            "Has a broker leave for good. Its own copy of the metadata is deleted; records belong to no \
             broker.",
        )
        .arg(
            Arg::new(ID)
                .value_name("ID")
                .required(true)
                .value_parser(clap::value_parser!(i32))
                .help("The broker's BROKER_ID"),
        )
        .arg(
            Arg::new(DRAIN)
                .long(DRAIN)
                .action(ArgAction::SetTrue)
                .help("It may live: it gives its shards away first, and ends then"),
        )
}

fn shards_command() -> Command {
    Command::new(SHARDS)
        .about(
            "Raises the number of shards. New partitions go where there are fewest; what is there stays \
             where it is.",
        )
        .arg(
            Arg::new(COUNT)
                .value_name("N")
                .required(true)
                .value_parser(clap::value_parser!(u32))
                .help("Shards in all"),
        )
}

/// The command to a running cluster, if one was given.
fn operate(matches: &ArgMatches, config: &Config) -> Option<ExitCode> {
    let matches = matches.subcommand_matches(CLUSTER)?;
    let told = match matches.subcommand()? {
        (STATUS, status) => operator::status(config, status.get_flag(JSON)),
        (SHARDS, shards) => operator::add_shards(config, *shards.get_one(COUNT)?).map(|done| (done, true)),
        (_, remove) => {
            let id: i32 = *remove.get_one(ID)?;
            operator::remove(config, id, remove.get_flag(DRAIN)).map(|done| (done, true))
        }
    };
    Some(match told {
        Ok((text, is_sound)) => {
            println!("{text}");
            if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    })
}

fn health_command() -> Command {
    Command::new(HEALTH)
        .about(
            "Asks the broker that runs here with these settings whether it lives, and fails if it does \
             not.",
        )
        .arg(
            Arg::new(READY)
                .long(READY)
                .action(ArgAction::SetTrue)
                .help("Asks whether clients should be sent to it instead"),
        )
}

fn repair_command() -> Command {
    Command::new(REPAIR)
        .about(
            "Tells what a damaged shard has lost, or what metadata that is gone can have back, and repairs \
             it if told to.",
        )
        .arg(
            Arg::new(SHARD)
                .long(SHARD)
                .value_name("N")
                .required_unless_present(METADATA)
                .conflicts_with(METADATA)
                .value_parser(clap::value_parser!(u32))
                .help("The shard, by the number that the broker names it with"),
        )
        .arg(
            Arg::new(METADATA)
                .long(METADATA)
                .action(ArgAction::SetTrue)
                .help("The metadata, made anew from what the shards remember; the broker must not run"),
        )
        .arg(
            Arg::new(ACCEPT_LOSS)
                .long(ACCEPT_LOSS)
                .action(ArgAction::SetTrue)
                .help("Repair it, though what is told to be lost is lost then"),
        )
}

/// The part that is to be repaired, if one is.
fn repaired(matches: &ArgMatches) -> Option<(Part, bool)> {
    let repair = matches.subcommand_matches(STORAGE)?.subcommand_matches(REPAIR)?;
    let part = match repair.get_flag(METADATA) {
        true => Part::Metadata,
        false => Part::Shard(ShardId(*repair.get_one(SHARD)?)),
    };
    Some((part, repair.get_flag(ACCEPT_LOSS)))
}

/// The settings that no flag takes, one a paragraph.
fn secrets() -> String {
    let secrets = VARIABLES.iter().filter(|variable| variable.secret);
    let line = |variable: &Variable| {
        let names = variable.names().collect::<Vec<_>>().join(", ");
        format!("  {names}={}\n          {}\n", variable.shape(), variable.help)
    };
    secrets.map(line).collect()
}

fn argument(variable: &'static Variable) -> Arg {
    let environment = variable.names().collect::<Vec<_>>().join(", ");
    let default = variable.default().map(|value| format!(" [default: {value}]")).unwrap_or_default();
    let argument = Arg::new(variable.name)
        .long(variable.flag())
        .value_name(variable.shape().into_owned())
        .help(format!("{} [env: {environment}]{default}", variable.help))
        .help_heading(variable.section.title());
    if variable.is_switch() { argument.num_args(0..=1).default_missing_value("true") } else { argument }
        // A value may begin with a dash: -1 is a retention.
        .allow_hyphen_values(!variable.is_switch())
}

fn given(matches: &ArgMatches, mut given: Given) -> Given {
    for variable in VARIABLES.iter().filter(|variable| !variable.secret) {
        if let Some(value) = matches.get_one::<String>(variable.name) {
            given.set(variable.name, value.clone());
        }
    }
    given
}

fn health(config: &Config, asked: &ArgMatches) -> ExitCode {
    let question = if asked.get_flag(READY) { Question::IsReady } else { Question::IsLive };
    match ops::probe(
        question,
        &config.clients.listen.host,
        config.operation.health_port.map(NonZeroU16::get),
        config.clients.security.http_tls,
    ) {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Success is a shard that is sound.
fn report(outcome: Result<storage::Report, String>) -> ExitCode {
    match outcome {
        Ok(report) => {
            report.lines.iter().for_each(|line| println!("{line}"));
            if report.is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Help and version are no errors: they go to standard output.
fn stop(error: &clap::Error) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    match error.print() {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_setting_with_its_variable_and_default() {
        command().debug_assert();
        let help = command().term_width(0).render_long_help().to_string();
        for variable in VARIABLES {
            let names: Vec<&str> = variable.names().collect();
            if variable.secret {
                assert!(help.contains(&format!("{}={}", names.join(", "), variable.shape())), "{help}");
                assert!(!help.contains(&format!("--{} ", variable.flag())), "{help}");
                continue;
            }
            let lines: Vec<&str> = help.lines().map(str::trim).collect();
            let flag = format!("--{} ", variable.flag());
            let at = lines.iter().position(|line| line.starts_with(&flag));
            let at = at.unwrap_or_else(|| panic!("{flag} is not in\n{help}"));
            let text = lines[at..].iter().take(2).copied().collect::<Vec<_>>().join(" ");
            assert!(text.contains(&format!("[env: {}]", names.join(", "))), "{text}");
            if let Some(default) = variable.default() {
                assert!(text.contains(&format!("[default: {default}]")), "{text}");
            }
        }
    }

    #[test]
    fn a_flag_wins_over_its_variable() {
        let environment = || Given::nothing().with("PORT", "1000").with("HOST", "127.0.0.1");
        let load = |arguments: &[&str]| {
            let given = parse(arguments.iter().copied(), environment()).expect("known flags");
            Config::load(&given).expect("valid")
        };
        assert_eq!(load(&["kafkaesque"]).clients.listen.port, 1000);
        let config =
            load(&["kafkaesque", "--port", "2000", "--log-retention-ms", "-1", "--auto-create-topics=false"]);
        assert_eq!(config.clients.listen.port, 2000);
        assert_eq!(config.broker_settings(&[2000])["log.retention.ms"], "-1");
        assert!(!config.topics.auto_create);
        assert!(load(&["kafkaesque", "--auto-create-topics", "--port", "3000"]).topics.auto_create);
    }

    #[test]
    fn a_repair_names_its_shard_and_gives_nothing_up_unless_told_to() {
        let matches = |arguments: &[&str]| command().try_get_matches_from(arguments);
        let read = |arguments: &[&str]| repaired(&matches(arguments).expect("known flags"));
        assert_eq!(read(&["kafkaesque"]), None);
        let base = ["kafkaesque", "--port", "2000", "storage", "repair", "--shard", "3"];
        assert_eq!(read(&base), Some((Part::Shard(ShardId(3)), false)));
        assert_eq!(read(&[&base[..], &["--accept-loss"]].concat()), Some((Part::Shard(ShardId(3)), true)));
        assert!(matches(&["kafkaesque", "storage", "repair", "--accept-loss"]).is_err());
        let metadata = ["kafkaesque", "storage", "repair", "--metadata"];
        assert_eq!(read(&metadata), Some((Part::Metadata, false)));
        assert!(matches(&[&metadata[..], &["--shard", "3"]].concat()).is_err());
        assert!(matches(&["kafkaesque", "storage"]).is_err());
    }

    #[test]
    fn unknown_flags_are_refused() {
        assert!(parse(["kafkaesque", "--no-such-flag"], Given::nothing()).is_err());
        assert!(parse(["kafkaesque", "serve"], Given::nothing()).is_err());
    }
}
