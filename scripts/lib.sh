# Common ground of the scripts; source it, do not run it.
# A script that cannot do its work here says `SKIPPED: what (why)` and exits with 77; every other non-zero exit is a failure.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/.tools
skipped=77
export LC_ALL=C PATH="$tools/bin:$PATH"

# skip WHAT WHY
skip() {
  echo "SKIPPED: $1 ($2)"
  exit "$skipped"
}

# need WHAT COMMAND...: all these programs, or the script is skipped.
need() {
  local what=$1 command
  shift
  for command in "$@"; do
    command -v "$command" >/dev/null || skip "$what" "$command is not installed"
  done
}

# is_installed FOLDER VERSIONS: whether .tools/FOLDER holds exactly these versions.
is_installed() {
  [[ -f $tools/$1/.versions && $(<"$tools/$1/.versions") == "$2" ]]
}

# mark_installed FOLDER VERSIONS
mark_installed() {
  mkdir -p "$tools/$1"
  echo "$2" >"$tools/$1/.versions"
}

# install_jars FOLDER WHAT VERSION [ARGUMENT...]: what scripts/tools/FOLDER.pom.xml depends on, in .tools/FOLDER/libs, unless
# it is there. The arguments are Maven's. Ends the script when there is nothing to do.
install_jars() {
  local folder=$1 what=$2 version=$3
  shift 3
  is_installed "$folder" "$version" && exit 0
  need "$what" java mvn
  rm -rf "$tools/$folder"
  quietly mvn -q -B -f "$root/scripts/tools/$folder.pom.xml" dependency:copy-dependencies \
    "$@" "-DoutputDirectory=$tools/$folder/libs"
}

# quietly COMMAND...: shows what the command printed only when it fails.
quietly() {
  local output
  output=$(mktemp)
  if "$@" >"$output" 2>&1; then
    rm -f "$output"
  else
    local code=$?
    cat "$output" >&2
    rm -f "$output"
    return "$code"
  fi
}

# cargo_test ARGUMENT...: `cargo test` on the dependencies of the release build, so that none is built twice; what is in this
# repository is checked as in a debug build, and optimised a little, which makes simulations four times as fast. It lies in the
# release build's place until that is made again.
cargo_test() {
  local flags=() name
  for name in kafkaesque kafkaesque-clients; do
    flags+=(--config "profile.release.package.$name.opt-level=1")
    flags+=(--config "profile.release.package.$name.debug-assertions=true")
    flags+=(--config "profile.release.package.$name.overflow-checks=true")
  done
  cargo test --release "${flags[@]}" "$@"
}

# Whether something listens on this loopback port.
is_open() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# free_port [FROM]: a loopback port that nobody listens on, of the 3,000 from FROM on. Ports that are used together come
# from different ranges, so that none is given twice; all are below those the kernel gives to outgoing connections.
free_port() {
  local from=${1:-20000} port
  while port=$((from + RANDOM % 3000)); do
    is_open "$port" || break
  done
  echo "$port"
}

# wait_for_port PORT PID [SECONDS]: until the process listens; fails when it ends first or the time is up.
wait_for_port() {
  local port=$1 pid=$2 deadline=$((SECONDS + ${3:-30}))
  until is_open "$port"; do
    kill -0 "$pid" 2>/dev/null || return 1
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# start LOG COMMAND...: runs a server in the background; its id is in $started, and the script's end stops it.
servers=()
start() {
  local log=$1
  shift
  "$@" >>"$log" 2>&1 </dev/null &
  started=$!
  servers+=("$started")
}

# stop PID [SIGNAL]: ends a process, waits ten seconds for it, then kills it.
stop() {
  local pid=$1 tries=100
  kill "-${2:-TERM}" "$pid" 2>/dev/null || return 0
  # Silent, or the shell tells of every server that a signal ended.
  {
    while kill -0 "$pid"; do
      if ((tries-- == 0)); then kill -KILL "$pid"; fi
      sleep 0.1
    done
    wait "$pid" || true
  } 2>/dev/null
}

# make_work_dir: a temporary folder in $work that goes, with every server started, when the script ends.
make_work_dir() {
  work=$(mktemp -d "${TMPDIR:-/tmp}/kafkaesque.XXXXXX")
  trap clean_up EXIT
}

clean_up() {
  local pid
  for pid in "${servers[@]}"; do stop "$pid"; done
  if [[ -n ${KEEP_WORK:-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
}

# forget_settings: leaves none of a broker's settings in the environment, whoever calls.
forget_settings() {
  local name
  for name in $(compgen -e); do
    case $name in
      PATH | HOME | USER | LC_ALL | TMPDIR | CARGO* | RUSTUP* | RUSTFLAGS | GO* | WORK | DOCKER | KUBECTL | HELM | KAFKAESQUE_BIN) ;;
      *) unset "$name" ;;
    esac
  done
}

# numbered_lines COUNT: a file's worth of lines, all different, in sorted order, of changing length.
numbered_lines() {
  awk -v count="$1" 'BEGIN {
    fill = "the quick brown fox jumps over the lazy dog and over the moon again"
    for (i = 1; i <= count; i++) printf "%08d %s\n", i, substr(fill, 1, (i * 7919) % length(fill))
  }'
}
