#!/usr/bin/env bash
# Runs an image as strictly as it will be run, and waits for its own health check: deploy/try_image.sh IMAGE [MODEL]
set -euo pipefail
image=${1:?which image?}
model=${2:-tiny}
container=$(docker run --detach --read-only --network none --cap-drop ALL --security-opt no-new-privileges \
  --memory 1g --cpus 0.5 --tmpfs /tmp --env MODEL_NAME="$model" "$image")
trap 'docker rm --force "$container" >/dev/null' EXIT
for _ in $(seq 60); do
  state=$(docker inspect --format '{{.State.Health.Status}}' "$container")
  [ "$state" = healthy ] && break
  sleep 1
done
docker logs "$container"
[ "$state" = healthy ]
docker exec "$container" lookalike embed 'a red dress' --model "$model" >/dev/null
[ "$(docker exec "$container" python -c 'import os; print(os.getuid())')" = 10001 ]
for missing in 'python -m pip --version' 'sh -c "command -v gcc cc make curl pytest"' 'touch /anywhere'; do
  if docker exec "$container" sh -c "$missing" 2>/dev/null; then
    echo "should not work: $missing" >&2
    exit 1
  fi
done
docker stop "$container" >/dev/null
[ "$(docker inspect --format '{{.State.ExitCode}}' "$container")" = 0 ]
echo "$image is well"
