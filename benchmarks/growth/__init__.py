"""How cost grows: with cores, batch, size of the picture, size of the catalogue, filters."""
