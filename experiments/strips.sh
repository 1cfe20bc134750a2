#!/bin/sh
# Writes the results of a finished sweep of restoration, translation or try_on, report and strips of
# seed 0, of what is scored: sh experiments/strips.sh restoration restoration|small [RUNS]
set -e
name=$1 set=$2
here=$(dirname "$0")/$name
case $set in
  "$name") runs=${3:-runs/$name} ;;
  small) runs=${3:-runs/${name}_small} ;;
  *) echo "give the experiment's folder, then its name again or small" >&2; exit 2 ;;
esac
genlab report --workdir="$runs"
mkdir -p "$here/results"
cp "$runs/report.md" "$here/results/$set.md"
for run in "$runs"/*/seed0; do
  variant=$(basename "$(dirname "$run")")
  cp "$run"/samples/restored_*.png "$here/results/${set}_$variant.png"
done
