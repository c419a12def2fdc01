"""The table of the field, measured on this machine: cost and quality of several models."""
