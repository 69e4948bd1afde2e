"""One event loop in a thread, for everything that speaks WebSocket here."""

import asyncio
import threading

_lock = threading.Lock()
_loop = None


def loop():
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="aio",
                             daemon=True).start()
        return _loop


def run(coro, timeout=30):
    """Run a coroutine there and wait for what it returns."""
    return asyncio.run_coroutine_threadsafe(coro, loop()).result(timeout)
