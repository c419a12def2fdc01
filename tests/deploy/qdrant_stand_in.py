"""A Qdrant server for tests that need one process to be asked by several: `python -m ... PORT`.

Qdrant's server can't be installed from a package registry. This speaks its REST protocol, as far as Lookalike
uses it, over the in-process mode of Qdrant's own client: real requests and answers, between real processes,
through the real client. It is no proof of the server's own speed, durability, sharding or replication.
"""

import sys
import threading
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from pydantic import TypeAdapter
from qdrant_client import QdrantClient, models

app = FastAPI()
client = QdrantClient(":memory:")
lock = threading.Lock()


async def body(request: Request, kind: Any) -> Any:
    return TypeAdapter(kind).validate_json(await request.body())


def done(result: Any = True) -> dict[str, Any]:
    return {"result": result, "status": "ok", "time": 0.0}


def plain(model: Any) -> Any:
    return model.model_dump(mode="json", exclude_none=True)


def fields(model: Any) -> dict[str, Any]:
    return {
        name: value
        for name in model.model_fields_set
        if (value := getattr(model, name)) is not None
    }


@app.get("/collections/{name}/exists")
def exists(name: str) -> Any:
    return done({"exists": client.collection_exists(name)})


@app.put("/collections/{name}")
async def create(name: str, request: Request) -> Any:
    wanted = await body(request, models.CreateCollection)
    with lock:
        client.create_collection(
            name,
            vectors_config=wanted.vectors,
            sparse_vectors_config=wanted.sparse_vectors,
            metadata=wanted.metadata,
        )
    return done()


@app.patch("/collections/{name}")
async def update(name: str, request: Request) -> Any:
    wanted = await body(request, models.UpdateCollection)
    with lock:
        client.update_collection(name, metadata=wanted.metadata)
    return done()


@app.get("/collections/{name}")
def facts(name: str) -> Any:
    return done(plain(client.get_collection(name)))


@app.delete("/collections/{name}")
def drop(name: str) -> Any:
    with lock:
        return done(client.delete_collection(name))


@app.get("/aliases")
def aliases() -> Any:
    return done(plain(client.get_aliases()))


@app.post("/collections/aliases")
async def realias(request: Request) -> Any:
    wanted = await body(request, models.ChangeAliasesOperation)
    with lock:
        return done(client.update_collection_aliases(wanted.actions))


@app.put("/collections/{name}/index")
def index(name: str) -> Any:
    return done({"operation_id": 0, "status": "completed"})


@app.put("/collections/{name}/points")
async def upsert(name: str, request: Request) -> Any:
    wanted = await body(request, models.PointsList)
    with lock:
        return done(plain(client.upsert(name, points=wanted.points)))


@app.post("/collections/{name}/points/delete")
async def delete(name: str, request: Request) -> Any:
    wanted = await body(request, models.PointsSelector)
    with lock:
        return done(plain(client.delete(name, points_selector=wanted)))


@app.post("/collections/{name}/points")
async def retrieve(name: str, request: Request) -> Any:
    wanted = await body(request, models.PointRequest)
    found = client.retrieve(
        name, wanted.ids, with_payload=wanted.with_payload, with_vectors=bool(wanted.with_vector)
    )
    return done([plain(one) for one in found])


@app.post("/collections/{name}/points/scroll")
async def scroll(name: str, request: Request) -> Any:
    wanted = fields(await body(request, models.ScrollRequest))
    wanted["scroll_filter"] = wanted.pop("filter", None)
    wanted["with_vectors"] = wanted.pop("with_vector", False)
    points, after = client.scroll(name, **wanted)
    return done({"points": [plain(one) for one in points], "next_page_offset": after})


@app.post("/collections/{name}/points/count")
async def count(name: str, request: Request) -> Any:
    wanted = await body(request, models.CountRequest)
    return done(plain(client.count(name, count_filter=wanted.filter)))


@app.post("/collections/{name}/facet")
async def facet(name: str, request: Request) -> Any:
    wanted = await body(request, models.FacetRequest)
    found = client.facet(name, key=wanted.key, facet_filter=wanted.filter, limit=wanted.limit or 10)
    return done(plain(found))


def ask(name: str, wanted: models.QueryRequest) -> Any:
    given = fields(wanted)
    given["query_filter"] = given.pop("filter", None)
    given["search_params"] = given.pop("params", None)
    given["with_vectors"] = given.pop("with_vector", False)
    return plain(client.query_points(name, **given))


@app.post("/collections/{name}/points/query")
async def query(name: str, request: Request) -> Any:
    return done(ask(name, await body(request, models.QueryRequest)))


@app.post("/collections/{name}/points/query/batch")
async def query_batch(name: str, request: Request) -> Any:
    wanted = await body(request, models.QueryRequestBatch)
    return done([ask(name, one) for one in wanted.searches])


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
