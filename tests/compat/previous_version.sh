#!/usr/bin/env bash
# Runs the previous version's program on this version's schema: while it is migrated, started again on it, beside this
# version, and the way back. Prints a table; ends 1 if anything is lost, doubled or refused.
#
#   tests/compat/previous_version.sh [REVISION]
#
# REVISION is built in a worktree of its own, with a target folder that is kept (target/previous): ten minutes the first time.
# Without it, it is the last one before a migration was added to a part of the suite. One that is older than the commit
# by which a version starts on a newer schema (chassis/src/schema.rs) is built with that commit. DEALFLOW_PREVIOUS and
# DEALFLOW name programs that are built already. Asks for: PostgreSQL, python3 with grpcio and grpcio-tools.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=none
scratch=$(mktemp -d)
trap 'git worktree remove --force "$scratch/previous" 2>/dev/null || true; rm -rf "$scratch"' EXIT

if [ -z "${DEALFLOW_PREVIOUS:-}" ]; then
  parts=(migrations/src/{leads,opportunities,activities,orders,gateway,erp_stub} ':(glob)migrations/src/*.rs')
  revision=${1:-$(git log -1 --format=%H~1 --diff-filter=A -- "${parts[@]}")}
  git worktree add --quiet --detach "$scratch/previous" "$revision"
  echo "previous: $(git log -1 --format='%h %s' "$revision")"
  if [ ! -f "$scratch/previous/services/chassis/src/schema.rs" ]; then
    starts=$(git log -1 --format=%H --diff-filter=A -- services/chassis/src/schema.rs)
    git show "$starts" -- services/chassis/src | git -C "$scratch/previous" apply
    echo "with:     $(git log -1 --format='%h %s' "$starts")"
  fi
  # One path for all times, so that what is compiled stays good.
  (cd "$scratch/previous" && CARGO_TARGET_DIR="$OLDPWD/target/previous" cargo build -q -p dealflow)
  export DEALFLOW_PREVIOUS=$PWD/target/previous/debug/dealflow
fi
if [ -z "${DEALFLOW:-}" ]; then
  cargo build -q -p dealflow
  export DEALFLOW=$PWD/target/debug/dealflow
fi
if ! python3 -c 'import grpc, grpc_tools' 2>/dev/null; then
  python3 -m venv "$scratch/venv" && "$scratch/venv/bin/pip" install -q grpcio grpcio-tools
  PATH="$scratch/venv/bin:$PATH"
fi
PYTHONPATH=tests/load python3 tests/compat/previous_version.py
