"""Filters over attributes: as data, from JSON, and typed by what the collection's attributes hold.

The JSON form, as HTTP and the command line take it; every entry of an object must hold:

    {"colour": "red"}                         equal (for a list attribute: one of its values is)
    {"colour": ["red", "blue"]}               any of
    {"price": {"gte": 10, "lt": 20}}          range, of numbers or of dates (ISO 8601)
    {"colour": {"not": "red"}}                not; also of a list, or of a range
    {"sale": {"exists": true}}                has a value at all
    {"and": [...]}, {"or": [...]}, {"not": {...}}
    {"attributes": {"not": "x"}}              an attribute whose name is one of these words
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lookalike.catalog.attributes import Kind, is_datetime
from lookalike.catalog.items import Scalar
from lookalike.errors import FilterInvalid

MAX_CONDITIONS = 1_000
MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Equal:
    """The attribute, or one of its values, is `value`."""

    attribute: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The attribute, or one of its values, is among `values` (at least one)."""

    attribute: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The attribute is a number, or a date (ISO 8601), within these bounds; at least one is given."""

    attribute: str
    gte: float | str | None = None
    gt: float | str | None = None
    lte: float | str | None = None
    lt: float | str | None = None

    @property
    def bounds(self) -> dict[str, float | str]:
        """The bounds that are given, by name."""
        named = {"gte": self.gte, "gt": self.gt, "lte": self.lte, "lt": self.lt}
        return {name: bound for name, bound in named.items() if bound is not None}


@dataclass(frozen=True, slots=True)
class Exists:
    """The attribute has a value."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Not:
    """The filter doesn't hold; so an item without the attribute passes `Not(Equal(...))`."""

    filter: "Filter"


@dataclass(frozen=True, slots=True)
class And:
    """All hold (at least one is given)."""

    filters: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one holds (at least one is given)."""

    filters: tuple["Filter", ...]


Filter = Equal | AnyOf | Between | Exists | Not | And | Or

_BOUNDS = ("gte", "gt", "lte", "lt")


def parse_filter(data: object) -> Filter | None:
    """The filter of its JSON form; None for an empty object or None. Raises FilterInvalid."""
    if data is None:
        return None
    budget = [MAX_CONDITIONS]
    return _parse(data, budget, 0)


def _parse(data: object, budget: list[int], depth: int) -> Filter | None:
    if not isinstance(data, Mapping):
        raise FilterInvalid(None, "must be an object of attributes and conditions")
    if depth > MAX_DEPTH:
        raise FilterInvalid(None, f"is nested more than {MAX_DEPTH} deep")
    parts: list[Filter] = []
    for key, value in data.items():
        if key in ("and", "or"):
            if not isinstance(value, Sequence) or isinstance(value, str):
                raise FilterInvalid(None, f"{key!r} needs a list of filters")
            inner = tuple(f for one in value if (f := _parse(one, budget, depth + 1)) is not None)
            if not inner:
                raise FilterInvalid(None, f"{key!r} needs at least one filter")
            parts.append(And(inner) if key == "and" else Or(inner))
        elif key == "not":
            negated = _parse(value, budget, depth + 1)
            if negated is None:
                raise FilterInvalid(None, "'not' needs a filter")
            parts.append(Not(negated))
        elif key == "attributes":
            if not isinstance(value, Mapping):
                raise FilterInvalid(None, "'attributes' needs an object")
            parts += [_condition(name, one, budget) for name, one in value.items()]
        else:
            parts.append(_condition(key, value, budget))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _condition(name: object, value: object, budget: list[int]) -> Filter:
    several = isinstance(value, Sequence) and not isinstance(value, str)
    budget[0] -= len(value) if several else 1  # type: ignore[arg-type]
    if budget[0] < 0:
        raise FilterInvalid(None, f"has more than {MAX_CONDITIONS} conditions")
    if not isinstance(name, str) or not name:
        raise FilterInvalid(None, "an attribute's name must be a string")
    if isinstance(value, str | int | float):
        return Equal(name, _scalar(name, value))
    if isinstance(value, Sequence):
        if not value:
            raise FilterInvalid(name, "an empty list matches nothing")
        return AnyOf(name, tuple(_scalar(name, one) for one in value))
    if isinstance(value, Mapping):
        return _operators(name, value, budget)
    raise FilterInvalid(name, "needs a value, a list of values, or an object of conditions")


def _operators(name: str, value: Mapping[Any, Any], budget: list[int]) -> Filter:
    unknown = [key for key in value if key not in (*_BOUNDS, "not", "exists")]
    if unknown or not value:
        known = ", ".join((*_BOUNDS, "not", "exists"))
        raise FilterInvalid(
            name,
            f"no condition is called {unknown[0]!r}; known are {known}"
            if unknown
            else f"needs one of {known}",
        )
    parts: list[Filter] = []
    if bounds := {key: _bound(name, value[key]) for key in _BOUNDS if key in value}:
        parts.append(Between(name, **bounds))
    if "not" in value:
        parts.append(Not(_condition(name, value["not"], budget)))
    if "exists" in value:
        if not isinstance(value["exists"], bool):
            raise FilterInvalid(name, "'exists' needs true or false")
        parts.append(Exists(name) if value["exists"] else Not(Exists(name)))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _scalar(name: str, value: object) -> Scalar:
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise FilterInvalid(name, "values must be strings, finite numbers, true or false")


def _bound(name: str, value: object) -> float | str:
    scalar = _scalar(name, value)
    if isinstance(scalar, bool):
        raise FilterInvalid(name, "a range needs numbers or dates")
    return scalar


def typed_filter(filter: Filter | None, kinds: Mapping[str, Kind]) -> Filter | None:  # noqa: A002
    """The filter with its values as the collection's attributes have them: `"12"` asks a number attribute
    for 12, `2024` a keyword attribute for "2024".

    Raises FilterInvalid where the attribute is unknown, or its type has no such value or range.
    """
    match filter:
        case None:
            return None
        case Not(inner):
            return Not(_typed(inner, kinds))
        case _:
            return _typed(filter, kinds)


def _typed(filter: Filter, kinds: Mapping[str, Kind]) -> Filter:  # noqa: A002
    match filter:
        case And(filters):
            return And(tuple(_typed(one, kinds) for one in filters))
        case Or(filters):
            return Or(tuple(_typed(one, kinds) for one in filters))
        case Not(inner):
            return Not(_typed(inner, kinds))
    name = filter.attribute
    kind = kinds.get(name)
    if kind is None:
        known = ", ".join(sorted(kinds)[:20]) or "none"
        raise FilterInvalid(name, f"there is no such attribute; there are: {known}")
    match filter:
        case Equal(_, value):
            return Equal(name, _as_kind(name, kind, value))
        case AnyOf(_, values):
            return AnyOf(name, tuple(_as_kind(name, kind, value) for value in values))
        case Between():
            bounds = {key: _bound_as(name, kind, bound) for key, bound in filter.bounds.items()}
            return Between(name, **bounds)
    return filter


def _as_kind(name: str, kind: Kind, value: Scalar) -> Scalar:
    match kind:
        case Kind.INTEGER | Kind.FLOAT:
            return _number(name, value)
        case Kind.BOOL:
            if isinstance(value, bool):
                return value
            if isinstance(value, str) and value.lower() in ("true", "false"):
                return value.lower() == "true"
            raise FilterInvalid(name, f"is true or false, so it can't be {value!r}")
        case Kind.KEYWORD | Kind.TEXT | Kind.DATETIME:
            if isinstance(value, bool):
                return "true" if value else "false"
            return str(value)
        case Kind.MIXED:
            return value


def _number(name: str, value: Scalar) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        for read in (int, float):
            try:
                number = read(value)
            except ValueError:
                continue
            if math.isfinite(number):
                return number
    raise FilterInvalid(name, f"is a number, so it can't be {value!r}")


def _bound_as(name: str, kind: Kind, bound: float | str) -> float | str:
    match kind:
        case Kind.INTEGER | Kind.FLOAT:
            return _number(name, bound)
        case Kind.DATETIME:
            if isinstance(bound, str) and is_datetime(bound):
                return bound
            raise FilterInvalid(
                name, f"is a date, so a bound must be one (ISO 8601), not {bound!r}"
            )
        case _:
            raise FilterInvalid(name, f"holds {kind.value} values, which have no ranges")


def path(attribute: str) -> str:
    """Where an attribute is in the payload, as Qdrant writes paths. Always quoted, so that any name is one
    step of it (`a.b` too).
    """
    return f'attributes."{attribute}"'


def to_qdrant(filter: Filter | None) -> dict[str, Any] | None:  # noqa: A002
    """The filter in Qdrant's own JSON, which both the engine's process and the server adapter read."""
    if filter is None:
        return None
    condition = _qdrant(filter)
    return condition if _is_filter(condition) else {"must": [condition]}


def _is_filter(condition: dict[str, Any]) -> bool:
    return not condition.keys().isdisjoint(("must", "should", "must_not"))


def _qdrant(filter: Filter) -> dict[str, Any]:  # noqa: A002
    match filter:
        case Equal(attribute, value):
            return _equal(attribute, value)
        case AnyOf(attribute, values):
            return _any_of(attribute, values)
        case Between(attribute):
            return {"key": path(attribute), "range": filter.bounds}
        case Exists(attribute):
            return {"must_not": [{"is_empty": {"key": path(attribute)}}]}
        case Not(inner):
            return {"must_not": [_qdrant(inner)]}
        case And(filters):
            return {"must": [_qdrant(one) for one in filters]}
        case Or(filters):
            return {"should": [_qdrant(one) for one in filters]}


def _equal(attribute: str, value: Scalar) -> dict[str, Any]:
    # Qdrant matches integers exactly and floats not at all; as a range, 3 finds 3 and 3.0. Beyond 2**53 a
    # double can't tell neighbours apart, and only integers are that large with meaning.
    if isinstance(value, bool | str) or abs(value) > 2**53:
        return {"key": path(attribute), "match": {"value": value}}
    return {"key": path(attribute), "range": {"gte": value, "lte": value}}


def _any_of(attribute: str, values: tuple[Scalar, ...]) -> dict[str, Any]:
    if all(isinstance(value, str) for value in values):
        return {"key": path(attribute), "match": {"any": list(values)}}
    return {"should": [_equal(attribute, value) for value in values]}
