"""Items in named collections: stored, searched and recommended on Qdrant.

Nothing is imported here: the engine's processes start from this package and must start in milliseconds.
"""
