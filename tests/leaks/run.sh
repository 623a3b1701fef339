#!/bin/sh
# Plants each leak of this folder into a copy of the repository, and shows that the attack on determinism catches it.
#
#   tests/leaks/run.sh [PROGRAMS]
#
# PROGRAMS (default 400) is how many programs the attack writes. CARGO_TARGET_DIR says where is built; without it, in the
# copy. Exit code 0: the code as it is passes, and every leak is caught.
set -u
programs=${1:-400}
here=$(cd "$(dirname "$0")/../.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$copy/target}" WEFT_DETERMINISM_PROGRAMS="$programs" RUST_BACKTRACE=0

(cd "$here" && git ls-files -z --cached --others --exclude-standard | tar -cf - --null -T -) | tar -xf - -C "$copy"
cd "$copy" || exit 2
git init -q .

attack() {
  cargo test -q -p weft-tests --test determinism >"$copy/said" 2>&1
}

# Patches of code that does not compile catch nothing.
built() {
  cargo test -q -p weft-tests --test determinism --no-run >"$copy/said" 2>&1 || { cat "$copy/said"; exit 2; }
}

built
if ! attack; then
  cat "$copy/said"
  echo "the code as it is does not pass"
  exit 1
fi
echo "as it is: passes"

missed=0
for leak in tests/leaks/*.patch; do
  name=$(basename "$leak" .patch)
  git apply "$leak" || exit 2
  built
  if attack; then
    echo "$name: NOT caught"
    missed=1
  else
    echo "$name: caught: $(grep -m 1 -E 'seed [0-9]+' "$copy/said" | cut -c 1-150)"
  fi
  git apply -R "$leak" || exit 2
done
exit $missed
