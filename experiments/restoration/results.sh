#!/bin/sh
# Writes results/ from a finished sweep: sh experiments/restoration/results.sh restoration [runs/restoration]
# or small [runs/restoration_small]. The strips are of seed 0, of what is scored: given, output, the best classic, the answer.
set -e
here=$(dirname "$0") set=$1
case $set in
  restoration) runs=${2:-runs/restoration} ;;
  small) runs=${2:-runs/restoration_small} ;;
  *) echo "give restoration or small" >&2; exit 2 ;;
esac
genlab report --workdir="$runs"
mkdir -p "$here/results"
cp "$runs/report.md" "$here/results/$set.md"
for run in "$runs"/*/seed0; do
  variant=$(basename "$(dirname "$run")")
  cp "$run"/samples/restored_*.png "$here/results/${set}_$variant.png"
done
