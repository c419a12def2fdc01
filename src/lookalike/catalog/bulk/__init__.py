"""Ingest with the work done by many processes of a Ray cluster: `lookalike index --engine ray`.

The run itself (`lookalike.catalog.ingest`) is the same as with this process's own threads, and stays here: it
reads the sources, asks the store what it has, stores, counts, reports and prunes. Parcels of entries go to
workers, which read and decode the pictures, encode, and send back vectors and thumbnails. So a worker has no
state that could be lost, and needs no access to the store.

    planning    how many workers, of how many threads
    cluster     Ray: the one module that calls it
    crew        the workers that live, and who is free; the dead are replaced, their parcels given to others
    messages    what goes to workers and comes back
    worker      what runs there
    supplying   the workers as ingest sees them; a file or stored vector that one lacks is supplied from here

**Why actors and not Ray Data.** A dataset has to be described before it runs: its blocks exist already, or are
read by tasks on the cluster. Here the entries come from a generator of this process, which alone may ask the
store (the embedded engine belongs to one process) and which must see each id once, in order, to tell
duplicates. Ray Data could take them window by window only, with a new pool of actors for each, so that every
window loads the model again and ends with workers that wait for the slowest; and by default it repeats a task
whose actor died for ever. Actors with a bounded number of parcels each stream, hold what is under way and
nothing else, and let a parcel be given to another worker a known number of times.
"""
