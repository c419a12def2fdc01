"""A collection in two dimensions: what is drawn, how, and what its clusters are called.

Nothing is imported here: the process that draws starts from this package.
"""
