#!/bin/sh
# Resolve pyproject.toml into the locks: every platform in one file, every file pinned by hash.
set -eu
cd "$(dirname "$0")/.."
lock() {
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --no-emit-index-url --no-emit-find-links --upgrade "$@"
}
lock pyproject.toml --output-file requirements/runtime.txt
printf 'hatchling\neditables\n' | lock - --constraint requirements/runtime.txt --output-file requirements/build.txt
lock pyproject.toml --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
# OpenCLIP's wheel carries CLIP's vocabulary, which the tokenizer tests need. It is installed without its
# dependencies (so without PyTorch) and never imported.
printf 'open-clip-torch==3.3.0\n' | lock - --no-deps --output-file requirements/vocabulary.txt
