#!/usr/bin/env bash
# Fuzzes every decoder of the wire language, and of logins, for SECONDS each, one after the other (default 60).
#
#   scripts/fuzz.sh [SECONDS]              the targets: headers, requests, responses, consumer protocol, batches,
#                                          logins, tokens, names of certificates
#   scripts/fuzz.sh --each-api [SECONDS]   request and response of every API by itself
#
# Needs a nightly compiler; without one it runs the bounded checks of the test suite and says so.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

each_api=
[[ ${1:-} == --each-api ]] && each_api=yes && shift
seconds=${1:-60}
cd "$root"

if ! cargo +nightly --version >/dev/null 2>&1; then
  cargo test --test protocol hostile
  skip "fuzzing" "no nightly compiler; the bounded checks on the stable one ran instead"
fi
command -v cargo-fuzz >/dev/null || quietly cargo install cargo-fuzz

# Starts the corpus with the golden messages: the API's and the version's place, then the message.
seed() {
  local name version bytes json side api=-1 last=none first=0
  while read -r name version bytes json; do
    case $name in
      *Request) side=request ;;
      *Response) side=response ;;
      *) continue ;;
    esac
    if [[ $name != "$last" ]]; then
      last=$name first=$version
      [[ $side == request ]] && api=$((api + 1))
    fi
    mkdir -p "fuzz/corpus/$side"
    # An empty message leaves no word behind.
    [[ $bytes == \{* ]] && bytes=
    bytes=$(printf '%02x%02x' "$api" "$((version - first))")$bytes
    printf "$(sed 's/../\\x&/g' <<<"$bytes")" >"fuzz/corpus/$side/$name-$version"
  done <tests/protocol/golden.txt
}

# run TARGET: the limit is that of the decoder's promise, no allocation out of proportion to 16 KiB of input.
run() {
  local limit=2 log=$work/log
  # Opening a compressed batch may take more, and so may the patterns of rules: both have limits of their own.
  [[ $1 == batch || $1 == names ]] && limit=256
  mkdir -p "fuzz/corpus/$1"
  if cargo +nightly fuzz run "$1" -- -max_total_time="$seconds" -max_len=16384 -malloc_limit_mb="$limit" \
    -print_final_stats=1 -print_funcs=0 -verbosity=0 >"$log" 2>&1; then
    awk -v name="$1 ${FUZZ_API:-}" '/units:/ { runs = $2 } /rss_mb/ { print "ok", name, runs, "runs,", $2, "MB" }' "$log"
  else
    echo "FAILED: $1 ${FUZZ_API:-}"
    tail -n 40 "$log"
    return 1
  fi
}

make_work_dir
seed
quietly cargo +nightly fuzz build
failed=0
if [[ -n $each_api ]]; then
  for api in $(awk '$1 ~ /Request$/ { sub(/Request$/, "", $1); if (!seen[$1]++) print $1 }' tests/protocol/golden.txt); do
    for target in request response; do FUZZ_API=$api run $target || failed=$((failed + 1)); done
  done
else
  for target in header request response consumer batch login token names; do run $target || failed=$((failed + 1)); done
fi
echo "$failed of the targets failed"
((failed == 0))
