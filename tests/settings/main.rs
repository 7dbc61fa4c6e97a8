//! Our table of configs beside Kafka's own: its classes, and a broker that runs. Skipped loudly without Java and the
//! jars that `scripts/tools/kafka.sh` installs.

mod changes;
mod classes;
mod described;
#[path = "../free_port.rs"]
mod free_port;
mod kafka;
mod verdicts;
