"""HTTP: routes, schemas, security, metrics; thin over the encoder and the catalogue."""
