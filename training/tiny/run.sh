#!/usr/bin/env bash
# From nothing to the bundle in src/lookalike/models/tiny: an environment of its own, then the training.
# Needs Debian's wordnet-base, openclipart-png and openclipart-svg (tuxpaint-stamps-default for one figure).
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=build/tiny/venv
test -x "$venv/bin/python" || "${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --editable . -r training/tiny/requirements.txt
exec nice -n 10 "$venv/bin/python" -m training.tiny "$@"
