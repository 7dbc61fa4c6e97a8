#!/usr/bin/env bash
# Stores of real processes on an S3 server, with an object of each kind harmed in every way, one at a time.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
source "$root/scripts/stores.sh"

forget_settings
make_work_dir
use_versitygw
export KAFKAESQUE_HARM_STORE=environment
quietly cargo_test --quiet --manifest-path "$root/Cargo.toml" --test broker -- \
  harm_after_sigterm_is_seen harm_after_sigkill_with_segments
echo "ok damage on versitygw"
