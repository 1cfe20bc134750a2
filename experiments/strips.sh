#!/bin/sh
# Writes the results of a finished sweep of restoration, translation, try_on or style, its report and
# strips of seed 0, of what is scored (of style: of the last round, which is; of what is scored both
# ways the way there):
# sh experiments/strips.sh FOLDER CONFIG [RUNS], CONFIG without its .py, as restoration small. RUNS is
# runs/FOLDER, or runs/FOLDER_CONFIG where CONFIG has another name.
set -e
name=$1 set=$2
here=$(dirname "$0")/$name
if [ -z "$set" ] || [ ! -f "$here/$set.py" ]; then
  echo "no experiment $here/$set.py: give its folder and the name of its config" >&2
  exit 2
fi
if [ "$set" = "$name" ]; then runs=${3:-runs/$name}; else runs=${3:-runs/${name}_$set}; fi
genlab report --workdir="$runs"
mkdir -p "$here/results"
cp "$runs/report.md" "$here/results/$set.md"
for run in "$runs"/*/seed0; do
  variant=$(basename "$(dirname "$run")")
  strip=$(ls "$run"/samples/restoration_restored_*.png 2> /dev/null || \
    ls "$run"/samples/restored_*.png 2> /dev/null || ls "$run"/samples/[0-9]*.png 2> /dev/null | tail -1)
  if [ -n "$strip" ]; then cp "$strip" "$here/results/${set}_$variant.png"; fi
done
