"""How good and how quick a model is, measured here: retrieval, quantization, comparison."""
