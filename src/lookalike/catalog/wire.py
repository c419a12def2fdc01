"""Items, hits and collections as JSON, one way for HTTP and the command line's `--json`."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from lookalike.catalog.attributes import Kind
from lookalike.catalog.filters import And, AnyOf, Between, Equal, Exists, Filter, Not, Or
from lookalike.catalog.items import Item
from lookalike.catalog.queries import Query
from lookalike.catalog.store import CollectionFacts, Hit, IndexSettings, IndexState, Recommend
from lookalike.errors import SettingInvalid

Json = dict[str, Any]


def item_json(item: Item) -> Json:
    """All fields; what is not there is null."""
    return {
        "id": item.id,
        "image": item.image,
        "title": item.title,
        "description": item.description,
        "attributes": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in item.attributes.items()
        },
    }


def item_of_json(data: Mapping[str, Any]) -> Item:
    """Raises ItemInvalid, KeyError."""
    return Item(
        id=data["id"],
        image=data.get("image"),
        title=data.get("title"),
        description=data.get("description"),
        attributes=data.get("attributes") or {},
    )


def hit_json(hit: Hit) -> Json:
    """Id, score and item."""
    return {"id": hit.id, "score": hit.score, "item": item_json(hit.item)}


def hit_of_json(data: Mapping[str, Any]) -> Hit:
    """Raises ItemInvalid, KeyError."""
    return Hit(data["id"], data["score"], item_of_json(data["item"]))


def facts_json(facts: CollectionFacts) -> Json:
    """What is known of a collection."""
    index = facts.index
    return {
        "name": facts.name,
        "items": facts.items,
        "model": facts.model,
        "fingerprint": facts.fingerprint,
        "dimension": facts.dimension,
        "created": facts.created,
        "bytes_on_disk": facts.bytes_on_disk,
        "attributes": {name: kind.value for name, kind in facts.attributes.items()},
        "settings": facts.settings.model_dump(mode="json"),
        "index": {
            "state": index.state,
            "indexed": index.indexed,
            "pending": index.pending,
            "quantized": index.quantized,
            "build_seconds": index.build_seconds,
            "reason": index.reason,
        },
    }


def facts_of_json(data: Mapping[str, Any]) -> CollectionFacts:
    """Raises KeyError, ValueError."""
    return CollectionFacts(
        name=data["name"],
        fingerprint=data["fingerprint"],
        model=data["model"],
        dimension=data["dimension"],
        created=data["created"],
        settings=IndexSettings.model_validate(data["settings"]),
        items=data["items"],
        index=IndexState(**data["index"]),
        attributes={name: Kind(kind) for name, kind in data["attributes"].items()},
        bytes_on_disk=data.get("bytes_on_disk"),
    )


def settings_of_texts(before: IndexSettings, pairs: Iterable[str]) -> IndexSettings:
    """The settings with some changed, as people type them: `m=32`, `attributes=colour,price`.

    Raises SettingInvalid.
    """
    changed: Json = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or name not in IndexSettings.model_fields:
            known = ", ".join(IndexSettings.model_fields)
            raise SettingInvalid(pair, f"is not NAME=VALUE with a name of {known}")
        listed = text.split(",") if text != "default" else None
        changed[name] = listed if name == "attributes" else text
    try:
        return IndexSettings.model_validate({**before.model_dump(), **changed})
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingInvalid(str(first["loc"][0]), str(first["msg"]).lower()) from None


def filter_json(filter: Filter | None) -> Json:  # noqa: A002 (the field's word)
    """The form that `parse_filter` reads."""
    match filter:
        case None:
            return {}
        case Equal(name, value):
            return {"attributes": {name: value}}
        case AnyOf(name, values):
            return {"attributes": {name: list(values)}}
        case Between(name):
            return {"attributes": {name: filter.bounds}}
        case Exists(name):
            return {"attributes": {name: {"exists": True}}}
        case Not(inner):
            return {"not": filter_json(inner)}
        case And(filters):
            return {"and": [filter_json(one) for one in filters]}
        case Or(filters):
            return {"or": [filter_json(one) for one in filters]}


def search_json(query: Query) -> Json:
    """The body of a search."""
    parts = [
        {
            name: value
            for name, value in (
                ("text", part.text),
                ("image", None if part.image is None else base64.b64encode(part.image).decode()),
                ("item", part.item),
                ("weight", part.weight),
            )
            if value is not None
        }
        for part in query.parts
    ]
    return {
        "query": parts,
        "target": query.target,
        "limit": query.limit,
        "offset": query.offset,
        "filter": filter_json(query.filter),
        "diversity": query.diversity,
        # not part of the contract: a service that doesn't know it must say so, not pass over it
        **({"threshold": query.threshold} if query.threshold is not None else {}),
    }


def recommend_json(recommend: Recommend) -> Json:
    """The body of a recommendation."""
    return {
        "positive": list(recommend.positive),
        "negative": list(recommend.negative),
        "target": recommend.target,
        "limit": recommend.limit,
        "offset": recommend.offset,
        "filter": filter_json(recommend.filter),
        **({"strategy": recommend.strategy} if recommend.strategy != "average" else {}),
    }
