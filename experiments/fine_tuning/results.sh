#!/bin/sh
# Writes results/ from the finished sweep: sh experiments/fine_tuning/results.sh [runs/fine_tuning]
set -e
here=$(dirname "$0") runs=${1:-runs/fine_tuning}
genlab report --workdir="$runs"
mkdir -p "$here/results"
cp "$runs/report.md" "$here/results/digits.md"
for variant in gan-fresh gan-begun vae-fresh vae-begun; do
  cp "$(ls "$runs/$variant"/seed0/samples/[0-9]*.png | tail -n 1)" "$here/results/$variant.png"
done
