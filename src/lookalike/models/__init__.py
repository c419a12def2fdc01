"""What a model is (cards), where it lives (store), and how it is made from weights (convert, graphs)."""
