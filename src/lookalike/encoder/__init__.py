"""From pictures and texts to vectors."""

from lookalike.encoder.encoder import Encoder, EncoderInfo, TextCutWarning, similarity

__all__ = ["Encoder", "EncoderInfo", "TextCutWarning", "similarity"]
