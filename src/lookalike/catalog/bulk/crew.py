"""The workers that live, and which of them is free.

A worker that dies is replaced, and the parcels it had are given to others: an entry that kills whoever takes
it ends the run after LIVES workers, by name. Parcels wait for a worker as long as it takes, since a cluster may
still be growing; whoever waits is told why.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from lookalike.catalog.bulk.cluster import AT_ONCE, Hand, WorkerGoneError
from lookalike.catalog.bulk.messages import Answer, Asked, Greeting, Orders, Unfit
from lookalike.errors import ClusterError, WorkersDiffer, WorkersLost, WorkerUnfit

log = logging.getLogger(__name__)

LIVES = 3
"""Workers that may die of one parcel, or in a row before they were ready."""

HELD = AT_ONCE + 1
"""Parcels that a worker is given at once: those it does, and one that is there when it is done."""

LOOK = 1.0
"""Seconds after which whoever waits looks whether it is to stop."""

REMIND = 30.0
"""Seconds between words about waiting for workers."""


class Crew:
    """So many workers. Safe to call from many threads. `close` when done."""

    def __init__(self, hire: Callable[[], Hand], size: int) -> None:
        self._hire, self.size = hire, size
        self._changed = threading.Condition()
        self._living: set[Hand] = set()
        """All that were hired, and are not known to be gone."""
        self._free: dict[Hand, int] = {}
        """How many more parcels each may be given, of those that are ready."""
        self._greeting: Greeting | None = None
        self._failure: Exception | None = None
        self._stillborn = 0
        self._closed = False
        for _ in range(size):
            self._add()

    @property
    def slots(self) -> int:
        """Parcels that all workers together may be given at once."""
        return self.size * HELD

    @property
    def model(self) -> Greeting:
        """The model of the first worker that is ready; all others have the same. Waits for it.

        Raises WorkerUnfit, WorkersDiffer.
        """
        with self._changed:
            self._wait(lambda: self._greeting is not None, threading.Event())
            assert self._greeting is not None, "waited for"
            return self._greeting

    def work(self, orders: Orders, parcel: Sequence[Asked], stop: threading.Event) -> list[Answer]:
        """What a worker answers, or another one after it died. Gives up waiting for one when `stop` is set and
        none lives.

        Raises WorkersLost, WorkersDiffer, WorkerUnfit, and what Worker.work raises.
        """
        reason = ""
        for _ in range(LIVES):
            hand = self._take(stop)
            try:
                answers = hand.work(orders, parcel)
            except WorkerGoneError as error:
                reason = str(error)
                self._bury(hand, reason)
                continue
            self._give_back(hand)
            return answers
        first, last = (parcel[place].known.entry.where for place in (0, -1))
        raise WorkersLost(first, last, LIVES, reason)

    def close(self) -> None:
        """Dismiss them all."""
        with self._changed:
            self._closed = True
            living, self._living = self._living, set()
            self._free.clear()
        for hand in living:
            hand.dismiss()

    def _add(self) -> None:
        hand = self._hire()
        self._living.add(hand)
        threading.Thread(target=self._welcome, args=(hand,), name="welcome", daemon=True).start()

    def _welcome(self, hand: Hand) -> None:
        """Wait until a worker is ready, and let it take part."""
        try:
            greeting = hand.greet()
        except WorkerGoneError as error:
            self._bury(hand, str(error), stillborn=True)
        except Exception as error:  # whoever waits must hear of it
            self._fail(error)
        else:
            if isinstance(greeting, Unfit):
                self._fail(WorkerUnfit(greeting.node, str(greeting.error)))
            else:
                self._join(hand, greeting)

    def _join(self, hand: Hand, greeting: Greeting) -> None:
        with self._changed:
            self._greeting = self._greeting or greeting
            self._failure = self._failure or difference(greeting, self._greeting)
            self._stillborn = 0
            if hand in self._living:
                self._free[hand] = HELD
            self._changed.notify_all()
        log.info("worker %d on %s is ready", greeting.pid, greeting.node)

    def _bury(self, hand: Hand, reason: str, *, stillborn: bool = False) -> None:
        """Forget a worker that is gone, and hire another in its place."""
        with self._changed:
            if hand not in self._living:  # another of its parcels was first to tell
                return
            self._living.discard(hand)
            self._free.pop(hand, None)
            self._stillborn = self._stillborn + 1 if stillborn else 0
            if self._stillborn >= LIVES:
                self._failure = self._failure or WorkerUnfit(None, reason)
            elif not self._closed:
                log.warning("a worker is gone and is replaced: %s", reason)
                self._add()
            self._changed.notify_all()

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def _take(self, stop: threading.Event) -> Hand:
        with self._changed:
            self._wait(lambda: any(self._free.values()), stop)
            hand = max(self._free, key=self._free.__getitem__)
            self._free[hand] -= 1
            return hand

    def _give_back(self, hand: Hand) -> None:
        with self._changed:
            if hand in self._free:
                self._free[hand] += 1
            self._changed.notify_all()

    def _wait(self, there: Callable[[], bool], stop: threading.Event) -> None:
        """Until it is there; the lock is held. Raises what has ended the crew."""
        waited = 0.0
        while True:
            if self._failure:
                raise self._failure
            if there():
                return
            none_ready = not self._free
            if self._closed or (none_ready and stop.is_set()):
                raise ClusterError("stopped while no worker was ready")
            if not self._changed.wait(LOOK) and none_ready:
                waited += LOOK
                if waited % REMIND < LOOK:
                    log.warning("no worker is ready yet: is there room for one in the cluster?")


def difference(one: Greeting, other: Greeting) -> WorkersDiffer | None:
    """Why two workers can't be of one crew."""
    facts: list[tuple[str, Any, Any]] = [
        ("lookalike", one.version, other.version),
        (f"the model {one.card.name} with fingerprint", one.fingerprint, other.fingerprint),
    ]
    for what, given, expected in facts:
        if given != expected:
            return WorkersDiffer(what, one.node, given, other.node, expected)
    return None
