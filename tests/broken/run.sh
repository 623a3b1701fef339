#!/bin/sh
# Breaks a copy of the repository with each patch of this folder in turn, and shows that the simulation catches it.
#
#   tests/broken/run.sh [SEEDS] [PATCH...]
#
# SEEDS (default 10,000, more than `cargo test` plays) is how many seeds are played at most; tests/planted.sh says the rest.
export WEFT_SIMULATION_SEEDS="${1:-10000}"
[ $# -gt 0 ] && shift
exec "$(dirname "$0")/../planted.sh" broken simulation every_seed "$@"
