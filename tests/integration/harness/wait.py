"""Polling to a deadline, the only way in which a test here waits."""

import time

from .prefix import SLOW


def remaining(end):
    """Seconds until a time.monotonic() instant, never below zero."""
    return max(0.0, end - time.monotonic())


def wait_for(predicate, deadline=10.0, what=None, interval=0.01):
    """Call predicate until it answers something true, and return that.

    The deadline, in seconds, is stretched by MESHSUP_SLOW.  An AssertionError
    inside the predicate counts as "not yet", and is raised at the end.
    """
    end = time.monotonic() + deadline * SLOW
    last = error = None
    while True:
        try:
            last, error = predicate(), None
            if last:
                return last
        except AssertionError as e:
            error = e
        if time.monotonic() >= end:
            break
        time.sleep(interval)
    if error is not None:
        raise error
    raise AssertionError(
        f"not within {deadline * SLOW:g} s: {what or predicate};"
        f" last answer {last!r}"[:2000])
