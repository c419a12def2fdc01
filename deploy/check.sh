#!/usr/bin/env bash
# `make checks`: everything that is shipped and is not Python, without network and without Docker.
# A check whose program is not on this machine is skipped, and says so.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
venv=$(realpath "${1:-.venv}")
tools=$venv/checks/bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
passed=0
skipped=0

check() { # what, command ...
  local what=$1
  shift
  if "$@" >"$work/output" 2>&1; then
    echo "ok       $what"
    passed=$((passed + 1))
  else
    echo "FAILED   $what"
    sed 's/^/         /' "$work/output"
    failed=$((failed + 1))
  fi
}

with() { # program, what, command ...: skipped where the program is missing
  local program=$1
  shift
  if command -v "$program" >/dev/null; then
    check "$@"
  else
    echo "skipped  $1: $program is not installed"
    skipped=$((skipped + 1))
  fi
}

kubernetes() { # overlay: as rendered, strictly by the schemas of Kubernetes
  kubectl kustomize "deploy/kubernetes/overlays/$1" >"$work/$1.yaml" || return 1
  # the monitor is of a kind that only clusters with the operator know
  "$venv/bin/python" - "$work/$1.yaml" <<'PYTHON' || return 1
import sys
from pathlib import Path

import yaml

path = Path(sys.argv[1])
known = [one for one in yaml.safe_load_all(path.read_text()) if one["kind"] != "PodMonitor"]
path.write_text(yaml.safe_dump_all(known))
PYTHON
  "$tools/kubernetes-validate" --strict --quiet "$work/$1.yaml"
}

compose() { # overlay or nothing: as Compose itself reads it, then by the schema
  local files=(-f docker-compose.yml)
  [ -n "$1" ] && files+=(-f "docker-compose.$1.yml")
  GRAFANA_PASSWORD=checked "$tools/docker-compose" "${files[@]}" config --output "$work/compose.yml" &&
    "$tools/check-jsonschema" --quiet --builtin-schema vendor.compose-spec "$work/compose.yml"
}

mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
mapfile -t yaml < <(git ls-files '*.yml' '*.yaml' CITATION.cff)

check "Dockerfile: hadolint" "$tools/hadolint" Dockerfile
check "scripts: shellcheck" "$tools/shellcheck" "${scripts[@]}"
check "YAML: yamllint" "$tools/yamllint" --strict --config-file deploy/.yamllint "${yaml[@]}"
check "workflows: actionlint" "$tools/actionlint" -shellcheck "$tools/shellcheck"
check "workflows: zizmor" "$tools/zizmor" --offline --no-progress --quiet .github
check "workflows: schema" "$tools/check-jsonschema" --builtin-schema vendor.github-workflows .github/workflows/*.yml
check "dependabot: schema" "$tools/check-jsonschema" --builtin-schema vendor.dependabot .github/dependabot.yml
check "CITATION.cff: schema" "$tools/check-jsonschema" --builtin-schema vendor.citation-file-format CITATION.cff
for overlay in "" gpu monitoring replicas; do
  check "compose: docker-compose.yml ${overlay:+with $overlay}" compose "$overlay"
done
for overlay in embedding catalogue everything; do
  with kubectl "Kubernetes: $overlay" kubernetes "$overlay"
done
with promtool "alerts: promtool" promtool check rules deploy/monitoring/alerts.yml
with promtool "alerts: promtool's tests" promtool test rules deploy/monitoring/alerts_test.yml
with promtool "Prometheus: promtool" promtool check config deploy/monitoring/prometheus.yml
with haproxy "HAProxy" env BACKENDS=lookalike:8000 RESOLVER=127.0.0.1:53 haproxy -c -f deploy/loadbalancer/haproxy.cfg
with nginx "nginx" nginx -t -c "$PWD/deploy/loadbalancer/nginx.conf"

check "licences" "$venv/bin/python" deploy/licences.py "$tools/pip-licenses"
LOOKALIKE_REPLAY=1 check "the image's steps, replayed" \
  "$venv/bin/python" -m pytest -q -p no:cacheprovider tests/deploy/test_replay.py
grep -h 'SKIPPED' "$work/output" | sed 's/^/         /'

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
