//! What a run cost the broker.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use broker_usage::{Outcome, Process, store_requests};

/// The state at one moment; what was not asked for is empty.
#[derive(Clone, Debug, Default)]
pub struct Look {
    process: Option<Process>,
    requests: Option<BTreeMap<String, f64>>,
}

impl Look {
    pub fn at(pid: Option<u32>, metrics: Option<&str>) -> Outcome<Look> {
        Ok(Look {
            process: pid.map(Process::look).transpose()?,
            requests: metrics.map(store_requests).transpose()?,
        })
    }

    pub fn since(&self, before: &Look, gb: f64) -> Value {
        let mut used = Map::new();
        if let (Some(now), Some(then)) = (self.process, before.process) {
            let (user, system) =
                (now.user_seconds - then.user_seconds, now.system_seconds - then.system_seconds);
            used.insert("user_cpu_seconds".into(), json!(user));
            used.insert("system_cpu_seconds".into(), json!(system));
            if gb > 0.0 {
                used.insert("user_cpu_seconds_per_gb".into(), json!(user / gb));
                used.insert("system_cpu_seconds_per_gb".into(), json!(system / gb));
            }
            used.insert("resident_mb".into(), json!(now.resident_bytes / 1e6));
            used.insert("peak_resident_mb".into(), json!(now.peak_bytes / 1e6));
        }
        if let (Some(now), Some(then)) = (&self.requests, &before.requests) {
            let more = now.iter().map(|(kind, count)| (kind, count - then.get(kind).copied().unwrap_or(0.0)));
            let more: BTreeMap<_, _> = more.collect();
            used.insert("object_store_requests".into(), json!(more));
        }
        Value::Object(used)
    }
}
