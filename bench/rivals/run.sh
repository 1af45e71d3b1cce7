#!/usr/bin/env bash
# Installs what is missing, then runs every workload against every router and prints one table.
#
#   bench/rivals/run.sh [--rounds R] [--seconds S] [--clos build/clos] [--only NAME,NAME]
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"$here/install.sh" >&2
exec python3 "$here/run.py" "$@"
