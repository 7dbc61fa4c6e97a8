//! Old answers: ends of partitions and committed offsets, asked of every broker, owner or not, whether it answers or not. One that was
//! suspended, or cut off, finds the questions when it goes on, and may not answer them by what was true before.

use std::collections::VecDeque;
use std::io::Result;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::truth::Truth;
use super::wire::{self, Line};
use crate::TOPIC;

/// Between two questions about the same.
const PAUSE: Duration = Duration::from_millis(200);
/// A commit that nobody waited for any more may come after the next one of the same member, which then is the older one until there
/// is another: what was committed so many pauses ago is not undone by that.
const SETTLED: usize = 5;
/// Questions that wait for answers, at most.
const MOST: usize = 400;
const PATIENCE: Duration = Duration::from_secs(60);

/// Something that every broker is asked for: the offset of each partition only grows.
pub struct Subject {
    /// None for the ends of partitions.
    pub group: Option<String>,
    /// The offsets that were acknowledged up to now.
    pub least: Box<dyn Fn() -> Vec<i64> + Send + Sync>,
}

struct Asked {
    number: i32,
    subject: usize,
    least: Vec<i64>,
    at: Instant,
}

/// Questions to one broker.
struct Questions {
    broker: usize,
    subjects: Arc<[Subject]>,
    /// Of each subject: what was known at the last pauses, the oldest first.
    known: Vec<VecDeque<Vec<i64>>>,
    asked: VecDeque<Asked>,
    next: i32,
    truth: Truth,
}

/// Starts a thread for each broker, by the port of its clients.
pub fn start(ports: &[u16], subjects: Vec<Subject>, truth: &Truth) -> Vec<JoinHandle<()>> {
    let subjects: Arc<[Subject]> = subjects.into();
    let start = |(broker, port): (usize, &u16)| {
        let known = subjects.iter().map(|_| VecDeque::new()).collect();
        let (subjects, asked, truth) = (Arc::clone(&subjects), VecDeque::new(), truth.clone());
        let (mut questions, port) = (Questions { broker, subjects, known, asked, next: 0, truth }, *port);
        std::thread::spawn(move || questions.ask_on(port))
    };
    ports.iter().enumerate().map(start).collect()
}

impl Questions {
    fn ask_on(&mut self, port: u16) {
        let mut line = None;
        while !self.truth.is_over() {
            self.look();
            let Some(open) = line.as_mut() else {
                std::thread::sleep(PAUSE);
                self.asked.clear();
                line = Line::connect(port, PAUSE / 4).ok();
                continue;
            };
            if self.ask(open).and_then(|()| self.hear(open)).is_err() {
                line = None;
            }
        }
    }

    fn look(&mut self) {
        for (subject, known) in self.subjects.iter().zip(&mut self.known) {
            let settled = if subject.group.is_some() { SETTLED } else { 0 };
            known.push_back((subject.least)());
            if known.len() > settled + 1 {
                known.pop_front();
            }
        }
    }

    /// Asks for the ends, and for the offsets of one group after the other.
    fn ask(&mut self, line: &mut Line) -> Result<()> {
        if self.asked.len() > MOST {
            return Ok(());
        }
        let turn = self.next as usize / 2;
        let (ends, groups): (Vec<usize>, Vec<usize>) =
            (0..self.subjects.len()).partition(|subject| self.subjects[*subject].group.is_none());
        for subject in ends.into_iter().chain(groups.get(turn % groups.len()).copied()) {
            let (number, least) = (self.next, self.known[subject].front().cloned().unwrap_or_default());
            self.next += 1;
            match &self.subjects[subject].group {
                None => line.ask_for_ends(number, TOPIC, least.len())?,
                Some(group) => line.ask_for_committed(number, group, TOPIC, least.len())?,
            }
            self.asked.push_back(Asked { number, subject, least, at: Instant::now() });
        }
        Ok(())
    }

    /// Takes answers until it is time for the next question.
    fn hear(&mut self, line: &mut Line) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PAUSE {
            for (number, answer) in line.frames()? {
                let asked = self.asked.pop_front().filter(|asked| asked.number == number);
                let judged = asked.and_then(|asked| self.judge(&asked, &answer));
                judged.ok_or_else(|| std::io::Error::other("no answer to the question"))?;
            }
        }
        match self.asked.front() {
            Some(asked) if asked.at.elapsed() > PATIENCE => Err(std::io::Error::other("no answer")),
            _ => Ok(()),
        }
    }

    /// Holds an answer against what was known when it was asked for.
    fn judge(&self, asked: &Asked, answer: &[u8]) -> Option<()> {
        let (group, broker) = (&self.subjects[asked.subject].group, self.broker);
        let found = if group.is_none() { wire::ends(answer)? } else { wire::committed(answer)? };
        for (partition, offset) in found {
            self.truth.count(if group.is_none() { "ends told by any" } else { "commits told by any" });
            let least = *asked.least.get(partition)?;
            // Nothing committed is -1.
            self.truth.check(offset.max(0) >= least, || match group {
                None => format!(
                    "broker {broker} says that partition {partition} ends at {offset}, and it was {least}"
                ),
                Some(group) => format!(
                    "broker {broker} says that group {group} is at {offset} of partition {partition}, and it was at {least}"
                ),
            });
        }
        Some(())
    }
}
