"""The application: the routes, the layers around them, and the document that describes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi

import lookalike
from lookalike.service import memory, problems
from lookalike.service.compat import clip_as_service, infinity, openai, tei, weaviate
from lookalike.service.limits import Limits
from lookalike.service.routes import (
    collections,
    compare,
    duplicates,
    embed,
    errors,
    facets,
    health,
    items,
    listing,
    mapping,
    page,
    reindexing,
    search,
    transfers,
)
from lookalike.service.schemas import ImageRequest, Problem
from lookalike.service.security import Guard
from lookalike.service.state import LoadEncoder, Service, load_encoder
from lookalike.service.telemetry import Telemetry
from lookalike.settings import Settings

MODULES = (
    *(embed, openai, search, facets, compare, items, collections, health, page),
    *(listing, duplicates, transfers, reindexing),
    *(mapping, errors),
    *(infinity, weaviate, tei, clip_as_service),
)
"""In the order in which they are asked whether a request is theirs: the busiest first."""

_DESCRIBED_ONLY = (
    Problem,
    ImageRequest,
    openai.OpenAIError,
    weaviate.PlainError,
    tei.TeiError,
    clip_as_service.JinaError,
)
"""Schemas that the document refers to by name, and FastAPI doesn't see."""


def create_app(settings: Settings, load: LoadEncoder = load_encoder) -> FastAPI:
    """The service as an ASGI application. Its lifespan begins to load the model and ends by draining.

    Raises SettingInvalid, ExtraMissing.
    """
    service = Service(settings, load)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        trimming = asyncio.create_task(memory.keep_trimmed(lambda: service.load.served))
        yield
        trimming.cancel()
        await anyio.to_thread.run_sync(partial(service.stop, settings.grace_seconds))

    app = FastAPI(
        title="Lookalike",
        version=lookalike.__version__,
        summary="Pictures and words as vectors of one shared space, and search with them.",
        lifespan=lifespan,
        redirect_slashes=False,
        # their pages load scripts from elsewhere, and this service is for where there is no elsewhere
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.service = service
    problems.install(app)
    for module in MODULES:
        app.include_router(module.router)
    # the last added is the outermost
    app.add_middleware(Limits, settings=settings, load=service.load)
    app.add_middleware(Guard, settings=settings, open_paths=page.open_paths())
    origins = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["authorization", "content-type", "x-api-key", "x-request-id"],
            expose_headers=["x-request-id", "server-timing", "retry-after"],
        )
    app.add_middleware(
        Telemetry,
        settings=settings,
        metrics=service.metrics,
        errors=service.errors,
        tracer=service.tracer,
    )
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        components = document.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        for model in _DESCRIBED_ONLY:
            described = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(described.pop("$defs", {}))
            schemas[model.__name__] = described
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        }
        document["security"] = [{}, {"bearer": []}, {"key": []}]
        app.openapi_schema = document
    return app.openapi_schema
