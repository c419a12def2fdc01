"""ONNX graphs straight from weights. A CLIP model is six kinds of block, and they are all here."""
