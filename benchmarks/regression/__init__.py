"""What a change costs, in figures that no neighbour on the machine can disturb: `make bench-check`."""
