#!/bin/sh
# Plants each patch of a folder into a copy of the repository, and shows that a test catches it.
#
#   tests/planted.sh FOLDER TEST [FILTER] [PATCH...]
#
# FOLDER is a folder of patches under tests/, TEST the test binary that must fail, FILTER which of its tests; without
# PATCH, all patches. CARGO_TARGET_DIR says where is built; without it, in the copy. Exit code 0: the code as it is passes,
# and every patch is caught.
set -u
folder=$1 test=$2 filter=${3:-}
shift 2
[ $# -gt 0 ] && shift
here=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$copy/target}" RUST_BACKTRACE=0

(cd "$here" && git ls-files -z --cached --others --exclude-standard | tar -cf - --null -T -) | tar -xf - -C "$copy"
cd "$copy" || exit 2
git init -q .
[ $# -eq 0 ] && set -- tests/"$folder"/*.patch

# What goes round for ever has been caught as well, after half an hour.
attack() {
  timeout 1800 cargo test -q -p weft-tests --test "$test" $filter >"$copy/said" 2>&1
}

# Patches of code that does not compile catch nothing.
built() {
  cargo test -q -p weft-tests --test "$test" --no-run >"$copy/said" 2>&1 || { cat "$copy/said"; exit 2; }
}

built
if ! attack; then
  cat "$copy/said"
  echo "the code as it is does not pass"
  exit 1
fi
echo "as it is: passes"

missed=0
for patch in "$@"; do
  name=$(basename "$patch" .patch)
  patch=tests/$folder/$name.patch
  git apply "$patch" || exit 2
  built
  if attack; then
    echo "$name: NOT caught"
    missed=1
  else
    said=$(grep -m 1 -E 'seed [0-9]+' "$copy/said" | cut -c 1-150)
    echo "$name: caught: ${said:-by the exit code}"
  fi
  git apply -R "$patch" || exit 2
done
exit $missed
