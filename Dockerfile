# Lookalike as an image.
#
#   docker build -t lookalike .                                    the service; fetches its model at the first start
#   docker build -t lookalike:ViT-B-32 --build-arg MODEL=ViT-B-32 .    with the model inside: never needs the network
#   docker build -t lookalike:cuda --build-arg RUNTIME=cuda .          for NVIDIA GPUs (linux/amd64)
#   docker buildx build --platform linux/amd64,linux/arm64 .           both kinds of processor
#
# docs/deploy.md says how to run it. `make checks` replays these steps without a Docker engine (tests/deploy/test_replay.py).

ARG PYTHON=3.13
ARG RUNTIME=cpu
ARG MODEL=

# What the service runs on, and nothing that only building needs.
FROM python:${PYTHON}-slim-bookworm AS base
# pip goes too: what is in this image was installed from the lock, and nothing should be added while it runs.
RUN groupadd --gid 10001 appuser \
 && useradd --uid 10001 --gid appuser --create-home --shell /usr/sbin/nologin appuser \
 && install --directory --owner=appuser --group=appuser /home/appuser/.cache /data \
 && python -m pip uninstall --yes --quiet --root-user-action=ignore pip \
 && rm -rf "$(python -c 'import ensurepip; print(*ensurepip.__path__)')"

# The environment, from the lock: every file is the one whose hash was written down.
FROM python:${PYTHON}-slim-bookworm AS build
ARG RUNTIME
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY requirements/build.txt requirements/runtime.txt requirements/
COPY deploy/requirements/cuda.txt deploy/requirements/
# Without pip, for the environment is copied as it is. Byte code is kept: the root is read-only at run time, and
# compiling at every start would cost seconds on half a core.
RUN python -m venv --without-pip /opt/lookalike \
 && python -m pip install --require-hashes --only-binary :all: -r requirements/build.txt \
 && python -m pip --python /opt/lookalike/bin/python install --require-hashes --only-binary :all: \
      -r requirements/runtime.txt
# The libraries of CUDA come as packages too, each in a folder of its own; the loader gets one with links to all.
RUN mkdir /opt/lookalike/cuda \
 && if [ "$RUNTIME" = cuda ]; then \
      python -m pip --python /opt/lookalike/bin/python install --require-hashes --only-binary :all: --no-deps \
        -r deploy/requirements/cuda.txt \
      && find /opt/lookalike/lib -path '*/nvidia/*' -name 'lib*.so*' -exec ln -sf -t /opt/lookalike/cuda {} + ; \
    fi
# What packages bring and this service never loads: their own tests, and OpenVINO's readers and devices that are
# neither ONNX nor a processor. A quarter of the whole.
RUN find /opt/lookalike/lib -depth -type d \( -path '*/numpy/*/tests' -o -path '*/onnx/backend/test' \) -exec rm -rf {} + \
 && find /opt/lookalike/lib -path '*/openvino/libs/*' -regextype posix-extended \
      -regex '.*_(intel_gpu|intel_npu)_plugin.*|.*_(tensorflow|tensorflow_lite|pytorch|paddle|gguf|jax)_frontend.*|.*/cache.json' \
      -delete
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src/ src/
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && python -m pip --python /opt/lookalike/bin/python install --no-deps --no-index dist/*.whl

FROM base AS runtime
COPY --from=build /opt/lookalike /opt/lookalike
ENV PATH=/opt/lookalike/bin:$PATH \
    LD_LIBRARY_PATH=/opt/lookalike/cuda \
    PYTHONDONTWRITEBYTECODE=1

# The model, where one is baked in: downloaded, checked and converted now, and never again.
FROM runtime AS model
ARG MODEL
RUN mkdir /models \
 && if [ -n "$MODEL" ]; then LOOKALIKE_HOME=/models lookalike models pull "$MODEL"; fi

FROM runtime AS service
ARG MODEL
ARG BAKED=${MODEL:+/models}
ARG OFFLINE=${MODEL:+yes}
COPY --from=model /models /models
ENV LOOKALIKE_HOST=0.0.0.0 \
    LOOKALIKE_PORT=8000 \
    LOOKALIKE_DATA=/data \
    LOOKALIKE_HOME=${BAKED:-/home/appuser/.cache/lookalike} \
    LOOKALIKE_OFFLINE=${OFFLINE:-no} \
    MODEL_NAME=${MODEL:-ViT-B-32}
LABEL org.opencontainers.image.title="Lookalike" \
      org.opencontainers.image.description="Self-hosted CLIP: embeddings and visual search over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0"
# appuser, by number: Kubernetes can only tell from a number that it isn't root
USER 10001:10001
WORKDIR /data
VOLUME ["/home/appuser/.cache", "/data"]
EXPOSE 8000
# Healthy means that the model answers. The first start may have to fetch it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10m --start-interval=2s --retries=3 \
  CMD ["python", "-m", "lookalike.probe", "/readyz"]
ENTRYPOINT ["lookalike"]
CMD ["serve"]
