#!/usr/bin/env bash
# The Python clients, in a virtual environment at .tools/python.
set -euo pipefail
source "$(dirname "$0")/../lib.sh"

packages=("kafka-python[crc32c,lz4,snappy,zstd]==3.0.12" "confluent-kafka==2.16.1")
is_installed python "${packages[*]}" && exit 0
need "the Python clients" python3
rm -rf "$tools/python"
quietly python3 -m venv "$tools/python" || skip "the Python clients" "python3 cannot make virtual environments"
quietly "$tools/python/bin/pip" install --disable-pip-version-check "${packages[@]}"
mark_installed python "${packages[*]}"
