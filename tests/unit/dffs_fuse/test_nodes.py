from __future__ import annotations

from collections.abc import Callable

import pytest

from dffs.fuse.passthrough import Backings
from dffs.vfs.kernel.nodes import IoModes, Nodes


class _Kernel(Backings):
    """Backings without a kernel: the id is the descriptor plus 1000."""

    def __init__(self) -> None:
        super().__init__(-1, enabled=True)
        self.held: dict[int, list[int]] = {}

    def version(self, node: int) -> int | None:
        return self.held[node][0] if node in self.held else None

    def join(self, node: int, version: int) -> int | None:
        if self.version(node) != version:
            return None
        self.held[node][1] += 1
        return self.held[node][2]

    def open(self, node: int, version: int, fd: int) -> int | None:
        self.held[node] = [version, 1, fd + 1000]
        return fd + 1000

    def close(self, node: int) -> None:
        self.held[node][1] -= 1
        if not self.held[node][1]:
            del self.held[node]


def test_a_complete_file_is_read_by_the_kernel_and_more_readers_join() -> None:
    modes = IoModes(_Kernel())
    assert modes.admit(5, 1, 3) == (1003,)
    assert modes.admit(5, 1, 4) == (1003,)


def test_while_somebody_asks_us_everybody_asks_us() -> None:
    modes = IoModes(_Kernel())
    assert modes.admit(5, 1, None) == (0,)
    assert modes.admit(5, 1, 3) == (0,)
    modes.leave(5, 0)
    modes.leave(5, 0)
    assert modes.admit(5, 1, 3) == (1003,)


def test_writers_and_newer_contents_need_another_node_while_the_kernel_reads() -> None:
    modes = IoModes(_Kernel())
    assert modes.admit(5, 1, 3) is not None
    assert modes.admit(5, 1, None) is None
    assert modes.admit(5, 2, 4) is None
    modes.leave(5, 1003)
    assert modes.admit(5, 2, 4) == (1004,)


def test_readers_that_come_before_the_writer_do_not_shut_it_out() -> None:
    modes = IoModes(_Kernel())
    modes.reserve(9)
    assert modes.admit(9, 1, 3) == (0,)
    assert modes.admit(9, 1, None) == (0,)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock on."""
    passed = [0.0]
    monkeypatch.setattr("dffs.vfs.kernel.nodes.time.monotonic", lambda: 1000.0 + passed[0])

    def move(seconds: float) -> None:
        passed[0] += seconds

    return move


def test_a_renewed_node_is_told_instead_of_the_inode_until_it_is_long_forgotten(
    later: Callable[[float], None],
) -> None:
    nodes = Nodes(1, 1)
    alias = nodes.renew(7)
    assert nodes.told(7) == alias != 7
    assert nodes.ino(alias) == 7
    assert nodes.renew(7) == alias  # somebody else came to the same conclusion about the old node
    nodes.told(7)
    nodes.forget([(alias, 1), (3, 1)])
    later(100)
    nodes.forget([(3, 1)])
    assert nodes.node(7) == alias
    nodes.forget([(alias, 1)])
    assert nodes.node(7) == alias
    later(100)
    nodes.forget([(3, 1)])
    assert nodes.node(7) == 7


def test_one_open_forgets_and_asks_again(later: Callable[[float], None]) -> None:
    """What the kernel does after ESTALE: it finds another node than it had, and looks up anew."""
    nodes = Nodes(1, 1)
    alias = nodes.renew(7)
    assert nodes.told(7) == alias
    nodes.forget([(alias, 1)])
    assert nodes.told(7) == alias
    later(100)
    nodes.forget([(3, 1)])
    assert nodes.node(7) == alias


def test_an_alias_can_be_renewed_again_and_its_end_does_not_matter_then(
    later: Callable[[float], None],
) -> None:
    nodes = Nodes(1, 1)
    first = nodes.renew(7)
    nodes.told(7)
    second = nodes.renew(first)
    nodes.told(7)
    assert len({7, first, second}) == 3
    nodes.forget([(first, 1)])
    later(100)
    nodes.forget([(3, 1)])
    assert nodes.node(7) == second
    assert nodes.ino(second) == 7
    assert nodes.ino(first) == first  # not ours any more


def test_the_root_of_a_mounted_subdirectory_is_the_root_node() -> None:
    nodes = Nodes(1, 42)
    assert (nodes.ino(1), nodes.told(42)) == (42, 1)


def test_a_successor_knows_the_same_nodes() -> None:
    nodes = Nodes(1, 1)
    nodes.renew(7)
    first = nodes.told(7)
    nodes.renew(first)
    nodes.told(7)
    other = Nodes(1, 1)
    other.adopt(nodes.export())
    assert other.node(7) == nodes.node(7)
    assert other.ino(first) == 7
    other.renew(other.node(7))
    assert other.node(7) not in {first, nodes.node(7), 7}
