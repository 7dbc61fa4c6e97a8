#!/usr/bin/env bash
# An old release of confluent-kafka, with its librdkafka, in a virtual environment at .tools/python-old.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

packages=("confluent-kafka==2.1.1")
is_installed python-old "${packages[*]}" && exit 0
need "confluent-kafka 2.1" python3
rm -rf "$tools/python-old"
quietly python3 -m venv "$tools/python-old" || skip "confluent-kafka 2.1" "python3 cannot make virtual environments"
quietly "$tools/python-old/bin/pip" install --disable-pip-version-check --only-binary :all: "${packages[@]}" ||
  skip "confluent-kafka 2.1" "there is no wheel of it for this Python"
mark_installed python-old "${packages[*]}"
