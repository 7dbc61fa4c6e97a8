//! Times by what they are of.

use std::fmt;
use std::time::Duration;

#[derive(Default)]
pub struct Table(Vec<(String, Vec<Duration>)>);

impl Table {
    pub fn add(&mut self, name: &str, time: Duration) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, times)) => times.push(time),
            None => self.0.push((name.to_owned(), vec![time])),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "| | times | median, ms | worst, ms |\n| --- | --- | --- | --- |")?;
        for (name, times) in &self.0 {
            let mut times = times.clone();
            times.sort_unstable();
            let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
            let count = times.len();
            writeln!(out, "| {name} | {count} | {} | {} |", median.as_millis(), worst.as_millis())?;
        }
        Ok(())
    }
}
