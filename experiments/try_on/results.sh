#!/bin/sh
# Writes results/ from a finished sweep: sh experiments/try_on/results.sh try_on [runs/try_on]
# or small [runs/try_on_small]. The strips are of seed 0, of what is scored: given, output, the answer.
set -e
here=$(dirname "$0") set=$1
case $set in
  try_on) runs=${2:-runs/try_on} ;;
  small) runs=${2:-runs/try_on_small} ;;
  *) echo "give try_on or small" >&2; exit 2 ;;
esac
genlab report --workdir="$runs"
mkdir -p "$here/results"
cp "$runs/report.md" "$here/results/$set.md"
for run in "$runs"/*/seed0; do
  variant=$(basename "$(dirname "$run")")
  cp "$run"/samples/restored_*.png "$here/results/${set}_$variant.png"
done
