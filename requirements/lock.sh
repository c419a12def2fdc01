#!/bin/sh
# Resolve pyproject.toml into the locks: every platform in one file, every file pinned by hash.
set -eu
cd "$(dirname "$0")/.."
lock() {
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --no-emit-index-url --no-emit-find-links --upgrade "$@"
}
# The image can do all that its settings offer, so the extra [fast] is in it.
# NNCF, of the extra [quantize], does not take a newer NumPy yet, and one lock must serve both.
printf 'numpy<2.5\n' > requirements/held-back.in
trap 'rm -f requirements/held-back.in' EXIT
lock pyproject.toml --extra fast --constraint requirements/held-back.in --output-file requirements/runtime.txt
printf 'hatchling\neditables\n' | lock - --constraint requirements/runtime.txt --output-file requirements/build.txt
lock pyproject.toml --extra fast --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
# Groups that only some tests and targets need; each installs beside what dev.txt has.
for group in full docs; do
  lock --group pyproject.toml:$group --constraint requirements/dev.txt --output-file requirements/$group.txt
done
# OpenCLIP's wheel carries CLIP's vocabulary, which the tokenizer tests need. It is installed without its
# dependencies (so without PyTorch) and never imported.
printf 'open-clip-torch==3.3.0\n' | lock - --no-deps --output-file requirements/vocabulary.txt
