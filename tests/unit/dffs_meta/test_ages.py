"""How long something has looked the same."""

from __future__ import annotations

from dffs.meta.ages import Ages


def test_only_what_was_there_at_every_look_grows_old() -> None:
    ages: Ages[str] = Ages()
    ages.look(["a", "b"], 10.0)
    assert ages.age_s("a", 12.0) == 2.0
    ages.look(["b", "c"], 15.0)
    assert (ages.age_s("b", 20.0), ages.age_s("c", 20.0)) == (10.0, 5.0)
    assert ages.age_s("a", 20.0) == 0.0
    ages.look(["a"], 30.0)
    assert ages.age_s("a", 31.0) == 1.0
