"""The two layouts in which the world publishes CLIP models, each read into the same description."""

from lookalike.models.layouts.description import ModelDescription
from lookalike.models.layouts.detect import LAYOUTS, describe

__all__ = ["LAYOUTS", "ModelDescription", "describe"]
