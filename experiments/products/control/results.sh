#!/bin/sh
# Writes results/ from a finished sweep: sh experiments/products/control/results.sh control [runs/control]
# or small [runs/control_small] or beyond [runs/control_beyond]. The strips are of seed 0, of the checkpoint
# that is scored.
set -e
here=$(dirname "$0") set=$1
case $set in
  control) runs=${2:-runs/control} ;;
  small | beyond) runs=${2:-runs/control_$set} ;;
  *) echo "give control, small or beyond" >&2; exit 2 ;;
esac
genlab report --workdir="$runs"
mkdir -p "$here/results"
cp "$runs/report.md" "$here/results/$set.md"
strip() {  # VARIANT, a name, options of `genlab sample`
  run="$runs/$1/seed0" to="$here/results/${set}_$1_$2.png"
  shift 2
  cp "$(genlab sample --workdir="$run" --n=3 "$@")" "$to"
}
if [ "$set" = beyond ]; then
  python "$here/calibration.py" "$runs" beyond
  strip projection hue --vary=hue --from=0 --to=1 --steps=21 --given=category=dress,value=0.6,length=0.3
  strip projection value --vary=value --from=0.305 --to=0.845 --steps=13 --given=category=dress,hue=0.1,length=0.3
  strip projection length --vary=length --from=-0.1 --to=1.1 --steps=13 --given=category=dress,hue=0.1,value=0.6
  exit
fi
for run in "$runs"/*/seed0; do
  variant=$(basename "$(dirname "$run")")
  strip "$variant" category --vary=category --given=hue=0.6,texture=plain,length=0.5
  strip "$variant" hue --vary=hue --from=0 --to=1 --steps=10 --given=category=dress,texture=plain,length=0.5
done
