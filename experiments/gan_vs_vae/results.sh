#!/bin/sh
# Writes results/ from a finished sweep: sh experiments/gan_vs_vae/results.sh digits [runs/gan_vs_vae]
# or glyphs [runs/glyphs]. The pictures are of the checkpoint that is scored, of seed 0.
set -e
here=$(dirname "$0") set=$1
case $set in
  digits) variants="ns-gan wgan-gp vae" runs=${2:-runs/gan_vs_vae} ;;
  glyphs) variants="gan wgan-gp vae" runs=${2:-runs/glyphs} ;;
  *) echo "give digits or glyphs" >&2; exit 2 ;;
esac
genlab report --workdir="$runs"
mkdir -p "$here/results"
cp "$runs/report.md" "$here/results/$set.md"
for variant in $variants; do
  round=$(python -c "import genlab, sys; print(f'{genlab.load(sys.argv[1]).step:06d}')" "$runs/$variant/seed0")
  cp "$runs/$variant/seed0/samples/$round.png" "$here/results/${set}_$variant.png"
done
