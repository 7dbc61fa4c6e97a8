#!/usr/bin/env bash
# kill -9 of the broker under consumer groups of other people's clients: a stable group goes on as it was, rebalances
# that were under way finish, and every acknowledged commit is there.
# usage: scripts/groups/crash.sh [GROUP...]      (as in driver.py; CRASHES kills besides the first)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../lib.sh"
source "$here/../stores.sh"
source "$here/../broker.sh"
source "$here/prepare.sh"

make_work_dir
prepare_members
find_broker
use_local
choose_ports
quick_consumer_groups
start_broker
groups=("$@")
((${#groups[@]})) || groups=(librdkafka=3:librdkafka/cooperative-sticky java=3:java/range franz-go=3:franz-go/cooperative-sticky \
  consumer=3:librdkafka/consumer,java/consumer,franz-go/consumer)

# The broker of this moment; the driver's restarts are shells of their own.
echo "$broker" >"$work/broker.pid"
cat >"$work/restart.sh" <<END
source "$here/../lib.sh"
source "$here/../broker.sh"
work=$work
kill -KILL "\$(<"$work/broker.pid")"
# A process that is killed keeps its ports for a moment.
while is_open "$PORT" || is_open "$HEALTH_PORT"; do sleep 0.05; done
start_broker
echo "\$broker" >"$work/broker.pid"
END
export RESTART_BROKER="bash -e $work/restart.sh"
code=0
mkdir "$work/crash"
"$tools/python/bin/python" "$here/driver.py" "$addr" "$work/crash" crash "${groups[@]}" || code=$?
kill -TERM "$(<"$work/broker.pid")"
while is_open "$PORT" || is_open "$HEALTH_PORT"; do sleep 0.05; done
exit "$code"
