#!/usr/bin/env bash
# The demo, command by command: cubes, training, scores, prediction and picture of a volume that training never saw.
# Usage: sample_data/demo.sh FOLDER (a new folder in the repository's root; sample_data/demo.yaml names it)
# A demo that was stopped while it trained goes on there; any other begins anew.
set -euo pipefail
out=$1
step() { printf '\n$ %s\n' "$*"; "$@"; }

unseen=$out/unseen/faults-0000
if compgen -G "$out/run/checkpoints/slot-*" > /dev/null && [ ! -e "$out/unseen-faults.sgy" ]; then
    rm -rf "$out/unseen-faults.sgy.unfinished"
    step geocnn train sample_data/demo.yaml --run "$out/run" --resume
else
    rm -rf "$out"
    mkdir -p "$out"
    step geocnn synth faults --out "$out/cubes" --count 27 --shape 64,64,64 --seed 1 --recipe wu2019
    step geocnn synth faults --out "$out/unseen" --count 1 --shape 128,160,128 --seed 2026 --recipe wu2019-wide
    step geocnn check sample_data/demo.yaml
    step geocnn train sample_data/demo.yaml --run "$out/run"
fi
step geocnn evaluate "$out/run" --image "$unseen-seismic.sgy" --label "$unseen-label.sgy"
step geocnn predict "$out/run" "$unseen-seismic.sgy" --out "$out/unseen-faults.sgy"
step geocnn plot "$unseen-seismic.sgy" --overlay "$out/unseen-faults.sgy" --out "$out/faults.png"
printf '\nLook at %s (faults on a volume that training never saw)\n' "$out/faults.png"
printf 'and at %s (loss and scores) and %s (validation).\n' "$out/run/pictures/loss.png" "$out/run/pictures"
