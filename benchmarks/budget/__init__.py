"""Where the time of one request goes, from the client's first byte in to its last byte out."""
