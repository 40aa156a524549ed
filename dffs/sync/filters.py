"""Which keys take part: include and exclude patterns as rsync and juicefs write them. Pure.

The first pattern that matches decides; what matches none takes part. `*` and `?` stay within a name,
`**` does not; a pattern with a slash at the front is anchored at the root, one with a slash at the end
matches directories only. What lies in an excluded directory is excluded with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dfcore.errors import BadInput


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern as it was given."""

    include: bool
    pattern: str


class Filter:
    """Rules in the order of the command line."""

    def __init__(self, rules: Sequence[Rule] = (), *, full_path: bool = False) -> None:
        self._full_path = full_path
        self._rules = [(rule.include, _compiled(rule.pattern, full_path)) for rule in rules]

    def allows(self, key: str) -> bool:
        """Whether a key takes part, judged with the directories that it lies in."""
        if not self._rules:
            return True
        steps = [key] if self._full_path else list(_steps(key))
        return all(self._allows_step(step) for step in steps)

    def _allows_step(self, path: str) -> bool:
        for include, pattern in self._rules:
            if pattern.search(path):
                return include
        return True


def _steps(key: str) -> Iterator[str]:
    """`a/`, `a/b/`, `a/b/c` of `a/b/c`."""
    at = key.find("/")
    while 0 <= at < len(key) - 1:
        yield key[: at + 1]
        at = key.find("/", at + 1)
    yield key


def _compiled(pattern: str, full_path: bool) -> re.Pattern[str]:
    if not pattern.strip("/"):
        raise BadInput(f"pattern {pattern!r} matches nothing")
    anchored = full_path or pattern.startswith("/")
    body = _translated(pattern.strip("/"))
    head = r"\A" if anchored else r"(?:\A|/)"
    tail = r"/\Z" if pattern.endswith("/") else r"/?\Z"
    return re.compile(head + body + tail, re.S)


def _translated(pattern: str) -> str:
    out, at = [], 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**", at):
            out.append(".*")
            at += 2
            continue
        if char == "[" and (end := pattern.find("]", at + 2)) > 0:
            inner = pattern[at + 1 : end].replace("\\", "\\\\")
            out.append(f"[{'^' + inner[1:] if inner[0] in '!^' else inner}]")
            at = end + 1
            continue
        out.append({"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)))
        at += 1
    return "".join(out)
