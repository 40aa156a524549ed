"""Whatever arrives is parsed or refused; whatever happens, a seed's books are right."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dfcore.errors import BadInput
from dfdaemon.upload.slots import Budget, Grant, Refusal, SeedTask, Waiting
from dfdaemon.vortex.pieces import DownloadPiece, PieceContent, PieceError
from dfdaemon.vortex.units import Absent, GetAny, GetUnit, UnitContent
from dfdaemon.vortex.wire import HEADER_SIZE, parse_header

TASKS = st.text("0123456789abcdef", min_size=64, max_size=64)
U32 = st.integers(0, 2**32 - 1)
U64 = st.integers(0, 2**64 - 1)
TEXT = st.text(max_size=40)

PARSERS: list[Callable[[bytes], object]] = [
    DownloadPiece.parse,
    PieceContent.parse_metadata,
    PieceError.parse,
    Absent.parse,
    GetAny.parse,
    GetUnit.parse,
    UnitContent.parse,
]


@given(TASKS, U32, TEXT)
def test_get_unit_comes_back(task_id: str, unit: int, child: str) -> None:
    request = GetUnit(task_id, unit, child)
    assert GetUnit.parse(request.pack()[HEADER_SIZE:]) == request


@given(TASKS, TEXT, st.binary(max_size=50))
def test_get_any_comes_back(task_id: str, child: str, wanted: bytes) -> None:
    request = GetAny(task_id, child, wanted)
    assert GetAny.parse(request.pack()[HEADER_SIZE:]) == request


@given(U32, U64, U32, st.binary(min_size=16, max_size=16))
def test_unit_content_comes_back(unit: int, offset: int, length: int, digest: bytes) -> None:
    content = UnitContent(unit, offset, length, digest)
    assert UnitContent.parse(content.pack()[HEADER_SIZE:]) == content


@given(U32, U64, U64, TEXT, TEXT, st.integers(0, 255), U64, st.integers(-(2**63), 2**63 - 1))
def test_piece_content_comes_back(
    piece: int,
    offset: int,
    length: int,
    digest: str,
    parent: str,
    traffic: int,
    cost_s: int,
    created_at: int,
) -> None:
    content = PieceContent(piece, offset, length, digest, parent, traffic, cost_s, created_at)
    assert PieceContent.parse_metadata(content.pack()[HEADER_SIZE + 4 :]) == content


@given(st.sampled_from(PARSERS), st.binary(max_size=200) | TASKS.map(str.encode))
def test_anything_is_parsed_or_refused(parse: Callable[[bytes], object], data: bytes) -> None:
    try:
        parse(data)
    except BadInput:
        pass


@given(st.binary(max_size=8), U32)
def test_any_header_is_parsed_or_refused(data: bytes, longest: int) -> None:
    try:
        assert parse_header(data, longest=longest).length <= longest
    except BadInput:
        pass


UNITS = 6
BITS = st.integers(0, 2**UNITS - 1)
CHILDREN = st.sampled_from("abcd")


class SeedBooks(RuleBasedStateMachine):
    """A seed among children that ask, leave and break off as they please."""

    def __init__(self) -> None:
        super().__init__()
        self.budget = Budget(3)
        self.task = SeedTask(2, self.budget, held=0, fetching=True)
        self.number = 0
        self.waiting: dict[int, Waiting] = {}
        self.active: dict[int, Grant] = {}

    @initialize(held=BITS)
    def begin(self, held: int) -> None:
        self.task.held = held

    @rule(child=CHILDREN, wanted=BITS)
    def ask(self, child: str, wanted: int) -> None:
        self.number += 1
        self.waiting[self.number] = Waiting(self.number, child, wanted)
        self.task.ask(self.waiting[self.number])
        self.decide()

    @rule(unit=st.integers(0, UNITS - 1))
    def unit_arrives(self, unit: int) -> None:
        self.task.held |= 1 << unit
        self.decide()

    @rule(fetching=st.booleans())
    def origin(self, fetching: bool) -> None:
        self.task.fetching = fetching
        self.decide()

    @precondition(lambda self: self.active)
    @rule(data=st.data(), delivered=st.booleans())
    def transfer_ends(self, data: st.DataObject, delivered: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.active)))
        del self.active[number]
        self.task.ended(number, delivered=delivered)
        self.decide()

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def child_gives_up(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.waiting)))
        del self.waiting[number]
        self.task.withdraw(number)

    @rule(child=CHILDREN)
    def child_leaves(self, child: str) -> None:
        self.task.child_left(child)
        self.decide()

    def decide(self) -> None:
        for decision in self.task.decide():
            request = self.waiting.pop(decision.number)
            if isinstance(decision, Refusal):
                continue
            bit = 1 << decision.unit
            assert bit & request.wanted & self.task.held
            assert decision.child == request.child
            same = [
                g
                for g in self.active.values()
                if (g.child, g.unit) == (decision.child, decision.unit)
            ]
            assert not same
            self.active[decision.number] = decision

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        if self.task.fetching:
            return
        for request in self.waiting.values():
            assert request.wanted & self.task.held
        if self.waiting and self.budget.free and len(self.active) < 2:
            busy = {grant.child for grant in self.active.values()}
            assert all(request.child in busy for request in self.waiting.values())

    @invariant()
    def copies_are_counted_right(self) -> None:
        assert all(0 < copies <= 4 for copies in self.task.copies.values())
        assert len(self.active) <= 2
        assert self.task.idle == (not self.waiting and not self.active)


TestSeedBooks = SeedBooks.TestCase
