#!/bin/sh
# Plants each leak of this folder into a copy of the repository, and shows that the attack on determinism catches it.
#
#   tests/leaks/run.sh [PROGRAMS]
#
# PROGRAMS (default 400) is how many programs the attack writes; tests/planted.sh says the rest.
export WEFT_DETERMINISM_PROGRAMS="${1:-400}"
exec "$(dirname "$0")/../planted.sh" leaks determinism
