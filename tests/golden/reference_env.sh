#!/bin/sh
# An environment with the reference implementations, for `make parity` and `make golden` only: several GB.
# OpenCLIP needs torchvision, and that needs the torch it was built with.
set -eu
cd "$(dirname "$0")/../.."
test -x .venv-reference/bin/python || python3 -m venv .venv-reference
.venv-reference/bin/python -m pip install --quiet --disable-pip-version-check \
  torch==2.14.1 torchvision==0.29.1 open-clip-torch==3.3.0 transformers==5.24.0 pytest
.venv-reference/bin/python -m pip install --quiet --disable-pip-version-check --editable .
