"""Filters as people type them: `colour=blue`, `price<=50`, `not pattern=striped`.

    colour=blue             equal
    colour=red,blue         any of; a value with a comma goes in quotes: name="a, b"
    colour!=blue            not equal
    price<=50, added>2024-05-01
    has sale                has a value at all
    not ...                 the opposite of any of these
    {"or": [...]}           anything that begins with a brace is the filter's JSON form

Values are typed by what the attribute holds when the filter is used.
"""

import json
import re
from collections.abc import Iterable

from lookalike.catalog.filters import (
    And,
    AnyOf,
    Between,
    Equal,
    Exists,
    Filter,
    Not,
    parse_filter,
)
from lookalike.errors import FilterInvalid

_CONDITION = re.compile(r"\s*([^=<>!]+?)\s*(!=|<=|>=|==|=|<|>)\s*(.*?)\s*", re.DOTALL)
_BOUNDS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
_VALUE = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,"]*?))\s*(,|$)', re.DOTALL)


def parse_conditions(texts: Iterable[str]) -> Filter | None:
    """The filter that all of these make; None for none of them. Raises FilterInvalid."""
    parts = [part for text in texts if (part := parse_condition(text)) is not None]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def parse_condition(text: str) -> Filter | None:
    """The filter of one text; None for an empty JSON object. Raises FilterInvalid."""
    stripped = text.strip()
    if stripped.startswith("{"):
        try:
            return parse_filter(json.loads(stripped))
        except ValueError as error:
            raise FilterInvalid(None, f"{text!r} is not JSON: {error}") from None
    word, _, rest = stripped.partition(" ")
    if word == "not" and rest.strip():
        inner = parse_condition(rest)
        if inner is None:
            raise FilterInvalid(None, "'not' needs a filter")
        return Not(inner)
    if word == "has" and rest.strip():
        return Exists(rest.strip())
    found = _CONDITION.fullmatch(stripped)
    if found is None:
        raise FilterInvalid(
            None, f"{text!r} is none of: name=value, name!=value, name<=5, has name, not ..., JSON"
        )
    name, operator, raw = found.groups()
    values = _values(name, raw)
    if operator in _BOUNDS:
        if len(values) != 1:
            raise FilterInvalid(name, f"{operator} needs one value")
        return Between(name, **{_BOUNDS[operator]: values[0]})
    equal = Equal(name, values[0]) if len(values) == 1 else AnyOf(name, tuple(values))
    return Not(equal) if operator == "!=" else equal


def _values(name: str, raw: str) -> list[str]:
    values: list[str] = []
    at, more = 0, True
    while more:
        found = _VALUE.match(raw, at)
        if found is None:
            raise FilterInvalid(name, f"{raw!r} has a quote that doesn't end")
        quoted, plain, comma = found.groups()
        values.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain)
        at, more = found.end(), bool(comma)
    if not all(values):
        raise FilterInvalid(name, "has an empty value")
    return values
