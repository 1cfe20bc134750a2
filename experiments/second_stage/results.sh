#!/bin/sh
# Writes results/ from the finished sweep: sh experiments/second_stage/results.sh [runs/second_stage]
set -e
here=$(dirname "$0") runs=${1:-runs/second_stage}
genlab report --workdir="$runs"
mkdir -p "$here/results"
cp "$runs/report.md" "$here/results/digits.md"
for variant in one-stage two-stage two-stage-warm; do
  cp "$(ls "$runs/$variant"/seed0/samples/[0-9]*.png | tail -n 1)" "$here/results/$variant.png"
done
