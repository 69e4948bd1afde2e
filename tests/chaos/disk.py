"""What a loss of power leaves of files, from the log of disklog.c.

A disk keeps what was written before the last sync of a file, and any part of
what was written after it, in any order, torn at its sectors.  A name is kept,
or gone, for certain only once its directory was synced.
"""

import struct

MAGIC = 0x6c6f7373
MADE, WROTE, CUT, SYNCED, GONE = range(1, 6)
HEAD = struct.Struct("=IIQQII")
SECTOR = 512


def records(path):
    """(end of the record in the log, what, name, offset, data or length)."""
    with open(path, "rb") as f:
        log = f.read()
    at = 0
    while at < len(log):
        magic, what, where, length, namelen, _ = HEAD.unpack_from(log, at)
        assert magic == MAGIC, f"no record at {at}"
        at += HEAD.size
        name = log[at:at + namelen].decode()
        at += namelen
        data = b""
        if what == WROTE:
            data = log[at:at + length]
            at += length
        yield at, what, name, where, data


class File:
    def __init__(self):
        self.kept = bytearray()
        self.pending = []           # (what, offset, data), in order

    def sync(self):
        for op in self.pending:
            apply(self.kept, *op)
        self.pending = []

    def after_loss(self, rng):
        """The bytes that are there when there is power again."""
        kept = bytearray(self.kept)
        share = rng.choice([0, 0, 0.5, 0.9])
        for what, at, data in self.pending:
            if rng.random() >= share:
                continue
            if what == WROTE and rng.random() < 0.2:
                # Torn: only some of its sectors.
                for n in range(0, len(data), SECTOR):
                    if rng.random() < 0.5:
                        apply(kept, WROTE, at + n, data[n:n + SECTOR])
            else:
                apply(kept, what, at, data)
        return bytes(kept)


def apply(content, what, at, data):
    if what == CUT:
        if at < len(content):
            del content[at:]
        else:
            content.extend(bytes(at - len(content)))
        return
    if at > len(content):
        content.extend(bytes(at - len(content)))
    content[at:at + len(data)] = data


class Disk:
    """The files of one directory.  With lies it forgets all but the first
    syncs: what a test must be able to notice."""

    def __init__(self, lies=False):
        self.now = {}               # name -> File, as the process sees it
        self.kept = {}              # name -> File, as synced
        self.pending = []           # (what, name, File) of the directory
        self.lies = lies
        self.syncs = 0

    def take(self, what, name, at, data):
        if what == SYNCED:
            self.sync(name)
        elif what == MADE:
            self.now[name] = File()
            self.pending.append((MADE, name, self.now[name]))
        elif what == GONE:
            self.pending.append((GONE, name, self.now.pop(name)))
        else:
            self.now[name].pending.append((what, at, data))

    def sync(self, name):
        self.syncs += 1
        if self.lies and self.syncs > 40:
            return
        if name:
            self.now[name].sync()
            return
        for op in self.pending:
            rename(self.kept, *op)
        self.pending = []

    def lose_power(self, rng):
        """name -> bytes; the process could go on, this changes nothing."""
        names = dict(self.kept)
        for op in self.pending:
            if rng.random() < 0.5:
                rename(names, *op)
        return {n: f.after_loss(rng) for n, f in names.items()}


def rename(names, what, name, file):
    if what == MADE:
        names[name] = file
    elif names.get(name) is file:
        del names[name]
