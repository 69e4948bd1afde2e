"""What the integration tests stand on.

Nothing here shares code with meshsup: the WebSocket is Python's, the
cryptography PyNaCl's, and every string that is signed is written out anew
from the protocol's description.
"""

from .api import Api, Gone, parse_responses
from .broker import BrokerProcess
from .daemon import Daemon, Session
from .events import Events
from .keys import Key, Member
from .peer import Peer
from .prefix import SLOW, binary, libexec, prefix
from .scripted import ScriptedBroker
from .wait import remaining, wait_for

__all__ = [
    "Api", "BrokerProcess", "Daemon", "Events", "Gone", "Key", "Member",
    "Peer", "SLOW", "ScriptedBroker", "Session", "binary", "libexec",
    "parse_responses", "prefix", "remaining", "wait_for",
]
