//! A shard whose store was harmed while nobody was there: every object, every kind of harm.
//!
//! Afterwards all acknowledged records are readable at their offsets, or an error names the object; nothing is deleted that
//! would not have been deleted anyway; once the objects are as they were, everything is there. One loss cannot be seen: the
//! newest objects of the log that nothing later vouches for; these are counted. `KAFKAESQUE_SIM_CASES` shows each case.

mod harm;
mod life;
mod verdict;

use std::collections::BTreeMap;

use harm::{Harm, Harmed, Objects};
use life::{Ending, Left};
use verdict::{End, Verdict};

use crate::simulate;

/// What came of all cases of one life.
#[derive(Default)]
struct Tally {
    by_end: BTreeMap<(String, &'static str), usize>,
    unvouched: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, kind: &str, case: String, verdict: Verdict, control: &Verdict, left: &Left) {
        let deleted: Vec<_> = verdict.deleted.difference(&control.deleted).collect();
        if !deleted.is_empty() {
            self.wrong.push(format!("{case}: {deleted:?} deleted, {:?}", verdict.end));
        }
        let name = match &verdict.end {
            End::Served => "served",
            End::Refused(_) => "refused",
            End::Lost(_)
                if left.unvouched.iter().any(|id| case.ends_with(&format!("Deleted {}", segment(*id)))) =>
            {
                self.unvouched += 1;
                "lost, and nothing vouched for it"
            }
            End::Lost(what) => {
                self.wrong.push(format!("{case}: lost {what}"));
                "lost"
            }
            End::Wrong(what) => {
                self.wrong.push(format!("{case}: {what}"));
                "wrong"
            }
        };
        if std::env::var("KAFKAESQUE_SIM_CASES").is_ok() {
            println!("{case}: {:?}", verdict.end);
        }
        *self.by_end.entry((kind.to_owned(), name)).or_default() += 1;
    }
}

fn segment(id: u64) -> String {
    format!("shards/3/log/{id:020}.seg")
}

/// The kind of an object: its folder.
fn kind(path: &str) -> &str {
    let folder = &path[..path.rfind('/').expect("a folder")];
    &folder[folder.find("/3/").map_or(0, |at| at + 3)..]
}

/// Harms that concern many objects, by name.
fn whole(left: &Left) -> Vec<(&'static str, Harmed)> {
    let all = |touched: &dyn Fn(&str) -> bool| -> Harmed {
        let paths = left.objects.keys().filter(|path| touched(path));
        paths.map(|path| (path.clone(), None)).collect()
    };
    let index = |path: &str| path.contains("/index/");
    let manifest = |path: &str| path.contains("/index/manifest/");
    let newest = left.objects.keys().rfind(|path| manifest(path)).expect("a manifest").clone();
    let mut harms = vec![
        ("index gone", all(&index)),
        ("manifests gone", all(&manifest)),
        ("newest manifest gone", all(&|path| path == newest)),
        ("tables gone", all(&|path| path.contains("/compacted/"))),
        ("log gone", all(&|path| path.contains("/log/"))),
    ];
    for earlier in &left.earlier {
        harms.push(("index rolled back", difference(&left.objects, earlier, index)));
    }
    harms
}

/// What must be done to `objects` so that they are `others` instead, where the path is one of `touched`.
fn difference(objects: &Objects, others: &Objects, touched: impl Fn(&str) -> bool) -> Harmed {
    let paths = objects.keys().chain(others.keys()).filter(|path| touched(path));
    paths
        .filter(|path| objects.get(*path) != others.get(*path))
        .map(|path| (path.clone(), others.get(path).cloned()))
        .collect()
}

/// Gives the number of objects whose loss nobody could see.
fn every_harm(window: u16, ending: Ending) -> usize {
    let left = simulate(life::live(window, ending));
    let control = simulate(verdict::judge(&left, window, &Harmed::new()));
    assert_eq!(control.end, End::Served, "the store that was not harmed");
    assert!(!control.deleted.is_empty(), "collections delete something");
    let mut tally = Tally::default();
    for path in left.objects.keys() {
        for harm in Harm::ALL {
            let Some(harmed) = harm.done_to(&left.objects, path) else { continue };
            let (kind, case) = (format!("{} {harm:?}", kind(path)), format!("{harm:?} {path}"));
            tally.add(&kind, case, simulate(verdict::judge(&left, window, &harmed)), &control, &left);
        }
    }
    for (name, harmed) in whole(&left) {
        tally.add(name, name.to_owned(), simulate(verdict::judge(&left, window, &harmed)), &control, &left);
    }
    println!("{} objects, {} acknowledged records", left.objects.len(), left.told.records.len());
    for ((kind, end), count) in &tally.by_end {
        println!("{kind}: {count} {end}");
    }
    println!("{} of {} ids that nothing vouches for", tally.unvouched, left.unvouched.len());
    assert!(left.unvouched.len() <= usize::from(window), "{:?}", left.unvouched);
    assert!(tally.wrong.is_empty(), "{} cases:\n{}", tally.wrong.len(), tally.wrong.join("\n"));
    tally.unvouched
}

#[test]
fn harm_after_a_clean_close_is_seen_or_does_nothing() {
    assert_eq!(every_harm(1, Ending::Closed), 0);
}

#[test]
fn harm_after_a_kill_is_seen_or_does_nothing() {
    every_harm(1, Ending::Killed);
}

#[test]
fn harm_after_a_clean_close_with_segments_in_flight_together_is_seen_or_does_nothing() {
    assert_eq!(every_harm(16, Ending::Closed), 0);
}

#[test]
fn harm_after_a_kill_with_segments_in_flight_together_is_seen_or_does_nothing() {
    every_harm(16, Ending::Killed);
}

#[test]
fn of_a_killed_owner_the_last_segment_alone_can_be_lost_unseen() {
    assert_eq!(every_harm(1, Ending::KilledAtRest), 1);
}
