"""int8 calibrated on the owner's pictures and texts: made, measured, and kept only if it is good enough."""
