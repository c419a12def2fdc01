"""BM25 for both adapters: one function for items and one for queries, so that they can't differ.

Qdrant's own tokenizer, stop words and stemmer make the term weights; the inverse document frequency is
Qdrant's too (the sparse vector's `idf` modifier), so it is of the collection as it is when asked.
"""

from functools import lru_cache

from qdrant_edge import Bm25, Bm25Config, DisabledStemmer, StopwordsSet

AVERAGE_LENGTH = 32.0
"""Words of a title and description, roughly; the weight of a word is lower in longer texts."""

Sparse = tuple[list[int], list[float]]
"""Indices and values of a sparse vector."""


@lru_cache(maxsize=8)
def _model(language: str) -> Bm25:
    if language == "none":
        config = Bm25Config(
            avg_len=AVERAGE_LENGTH,
            stopwords=StopwordsSet(set(), set()),
            stemmer=DisabledStemmer(),
            ascii_folding=True,
        )
    else:
        config = Bm25Config(avg_len=AVERAGE_LENGTH, language=language, ascii_folding=True)
    return Bm25(config)


def check_language(language: str) -> None:
    """Raises ValueError where Qdrant has no stop words and stemmer for the language."""
    _model(language)


def document(text: str, language: str) -> Sparse:
    """The weights of an item's words."""
    vector = _model(language).embed_document(text)
    return list(vector.indices), list(vector.values)


def query(text: str, language: str) -> Sparse:
    """The words of a query, each with weight 1."""
    vector = _model(language).embed_query(text)
    return list(vector.indices), list(vector.values)
