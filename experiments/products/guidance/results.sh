#!/bin/sh
# Writes results/ from a finished sweep: sh experiments/products/guidance/results.sh [RUNS]
# The strips are of seed 0, of the checkpoint that is scored.
set -e
here=$(dirname "$0") runs=${1:-runs/guidance}
genlab report --workdir="$runs"
mkdir -p "$here/results"
cp "$runs/report.md" "$here/results/guidance.md"
strip() {  # VARIANT, a name, options of `genlab sample`
  run="$runs/$1/seed0" to="$here/results/$1$2.png"
  shift 2
  cp "$(genlab sample --workdir="$run" --vary=category --given=texture=dots --n=4 "$@")" "$to"
}
strip projection ""
strip tac ""
for s in 1 1.5 2 3; do
  strip dropped "_$s" --guidance=$s
done
