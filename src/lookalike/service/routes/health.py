"""Is it alive, is it ready, what is it, and what does it do."""

import platform
from typing import Any

from fastapi import APIRouter, Response

import lookalike
from lookalike.service import metrics
from lookalike.service.api import ServiceDep, problems
from lookalike.service.responses import Json
from lookalike.service.schemas import Alive, Readiness

router = APIRouter(tags=["health"])

_LIMITS = (
    "batch_size", "queue_items", "queue_bytes", "text_cache", "request_seconds", "body_seconds",
    "stall_seconds", "max_body_bytes", "max_stream_bytes", "max_pending_bytes", "max_requests",
    "max_pictures", "max_texts", "max_characters", "max_items", "max_hits", "max_image_pixels",
    "max_image_bytes", "min_image_side", "fetch_urls", "max_map_points",
)  # fmt: skip


@router.get(
    "/healthz",
    summary="Whether the process works",
    responses={
        **problems(body=False),
        200: {"model": Alive},
        503: {
            "model": Alive,
            "description": "A worker has failed: it is being replaced, or the service must be restarted.",
        },
    },
)
async def healthz(service: ServiceDep) -> Response:
    trouble = service.worker_trouble()
    if trouble is not None:
        return Json({"status": "failed", "reason": trouble, **service.replaced()}, 503)
    return Json({"status": "alive", **service.replaced()})


@router.get(
    "/readyz",
    summary="Whether the model answers",
    responses={
        **problems(body=False),
        200: {"model": Readiness},
        503: {
            "model": Readiness,
            "description": "Loading, failed or stopping; `reason` says more.",
        },
    },
)
async def readyz(service: ServiceDep) -> Response:
    model = service.model_name
    if service.ready:
        return Json({"status": "ready", "model": model})
    trouble = service.worker_trouble()
    status, reason = ("failed", trouble) if trouble else (service.status, service.reason)
    return Json({"status": status, "model": model, "reason": reason}, 503)


@router.get("/info", summary="The model, its limits and versions", responses=problems(body=False))
async def info(service: ServiceDep) -> Response:
    running = service.encoder.info
    answer: dict[str, Any] = {
        "model": running.model,
        "names": service.names(),
        "fingerprint": running.fingerprint,
        "dimension": running.dimension,
        "towers": running.towers,
        "runtime": running.runtime,
        "device": running.device,
        "precision": running.precision,
        "threads": running.threads,
        "image_mode": running.image_mode,
        "card": service.encoder.card.model_dump(mode="json"),
        "limits": {name: getattr(service.settings, name) for name in _LIMITS},
        "collections": service.settings.catalogue,
        "versions": {"lookalike": lookalike.__version__, "python": platform.python_version()},
    }
    return Json(answer)


@router.get(
    "/metrics",
    summary="For Prometheus",
    response_class=Response,
    responses={
        **problems(body=False),
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Metrics."},
    },
)
async def prometheus(service: ServiceDep) -> Response:
    return Response(service.metrics.text(), headers={"content-type": metrics.CONTENT_TYPE})
