"""Draws the sample catalogue that comes inside the package. Run it with `python -m training.sample`."""
