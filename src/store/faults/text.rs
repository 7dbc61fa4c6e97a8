//! Faults as a line of text, `latency=40ms,per_mib=11ms,put_errors=0.01`: the setting that puts them around the store of a
//! whole process, and the file that changes them while it runs.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::{Faults, Setting, Weather};

/// The text of the setting, for the help.
pub const HELP: &str = "For tests and benchmarks only: makes the object store slow or faulty on purpose. \
                        latency, jitter, per_mib, late_by and timeout are times (40ms, 2s); put_errors, \
                        get_errors, list_errors, delete_errors, lost_responses, late_puts, conflicts and \
                        timeouts are rates from 0 to 1; only is a text that paths contain; seed is a \
                        number; control is a file: while it exists, what it says in the same words counts \
                        instead, and an empty one is an outage.";

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Setting, String> {
        let mut setting = Setting::default();
        for word in words(text) {
            let (name, value) = split(word)?;
            match name {
                "control" => setting.control = Some(PathBuf::from(value)),
                "seed" => {
                    setting.seed = Some(value.parse().map_err(|_| format!("seed {value} is no number"))?)
                }
                _ => set(&mut setting.faults, name, value)?,
            }
        }
        Ok(setting)
    }
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Faults, String> {
        let mut faults = Faults::default();
        for word in words(text) {
            let (name, value) = split(word)?;
            set(&mut faults, name, value)?;
        }
        Ok(faults)
    }
}

/// The faults that a control file asks for; `None` if there is none.
pub(super) fn control(file: &Path) -> Option<Weather> {
    match std::fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Ok(text) if words(&text).next().is_some() => {
            // A text that nobody can read must not look like a store without faults.
            Some(text.parse().map_or(Weather::Out, Weather::Faults))
        }
        _ => Some(Weather::Out),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

fn split(word: &str) -> Result<(&str, &str), String> {
    let pair = word.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
    pair.filter(|(_, value)| !value.is_empty())
        .ok_or_else(|| format!("'{word}' is not of the form name=value"))
}

fn set(faults: &mut Faults, name: &str, value: &str) -> Result<(), String> {
    let duration =
        || parse_duration(value).ok_or_else(|| format!("{name}: '{value}' is no time, as 40ms or 2s"));
    let rate = || {
        let parsed = value.parse().ok().filter(|rate| (0.0..=1.0).contains(rate));
        parsed.ok_or_else(|| format!("{name}: '{value}' is no rate from 0 to 1"))
    };
    match name {
        "latency" => faults.latency = duration()?,
        "jitter" => faults.jitter = duration()?,
        "per_mib" => faults.per_mib = duration()?,
        "late_by" => faults.late_puts.by = duration()?,
        "timeout" => faults.timeouts.after = duration()?,
        "put_errors" => faults.put_errors = rate()?,
        "get_errors" => faults.get_errors = rate()?,
        "list_errors" => faults.list_errors = rate()?,
        "delete_errors" => faults.delete_errors = rate()?,
        "lost_responses" => faults.lost_responses = rate()?,
        "late_puts" => faults.late_puts.rate = rate()?,
        "conflicts" => faults.conflicts = rate()?,
        "timeouts" => faults.timeouts.rate = rate()?,
        "only" => faults.only = Some(value.to_owned()),
        _ => return Err(format!("there is no fault '{name}'")),
    }
    Ok(())
}

/// A whole number of `us`, `ms` or `s`.
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit {
        "us" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::faults::{Late, Timeouts};

    #[test]
    fn every_word_takes_effect() {
        let text = "latency=40ms, jitter=5ms,per_mib=11000us,put_errors=0.01,get_errors=0.02,\
                    list_errors=0.03,delete_errors=0.04,lost_responses=0.05,late_puts=0.06,late_by=2s,\
                    conflicts=0.08,timeouts=0.07,\
                    timeout=30s,\
                    only=/log/,control=/tmp/out,seed=7";
        let faults = Faults {
            latency: Duration::from_millis(40),
            jitter: Duration::from_millis(5),
            per_mib: Duration::from_millis(11),
            put_errors: 0.01,
            get_errors: 0.02,
            list_errors: 0.03,
            delete_errors: 0.04,
            lost_responses: 0.05,
            late_puts: Late { rate: 0.06, by: Duration::from_secs(2) },
            conflicts: 0.08,
            timeouts: Timeouts { rate: 0.07, after: Duration::from_secs(30) },
            only: Some("/log/".to_owned()),
        };
        let setting = Setting { faults, control: Some(PathBuf::from("/tmp/out")), seed: Some(7) };
        assert_eq!(text.parse(), Ok(setting));
        for name in text.split(',').filter_map(|word| word.trim().split_once('=')).map(|(name, _)| name) {
            assert!(HELP.contains(name), "the help does not tell of {name}");
        }
    }

    #[test]
    fn what_is_no_fault_is_refused() {
        for wrong in [
            "latency",
            "latency=",
            "latency=40",
            "latency=-1ms",
            "put_errors=1.5",
            "put_errors=x",
            "speed=1",
            "seed=x",
        ] {
            assert!(wrong.parse::<Setting>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_control_file_counts_while_it_exists() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("control");
        assert!(control(&file).is_none());
        std::fs::write(&file, "").expect("written");
        assert!(matches!(control(&file), Some(Weather::Out)));
        std::fs::write(&file, "put_errors=0.5\n").expect("written");
        let Some(Weather::Faults(faults)) = control(&file) else { panic!("faults") };
        assert_eq!(faults, Faults { put_errors: 0.5, ..Faults::default() });
        std::fs::write(&file, "nonsense").expect("written");
        assert!(matches!(control(&file), Some(Weather::Out)));
    }
}
