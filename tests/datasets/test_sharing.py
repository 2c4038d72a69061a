import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tfmusic.datasets.sharing import group_by_shared


def test_what_has_nothing_in_common_is_apart():
    assert group_by_shared([("a", "xy"), ("b", "z"), ("c", "")]) == [
        ["a"],
        ["b"],
        ["c"],
    ]
    assert group_by_shared([]) == []


def test_kinship_carries_over():
    first, last, both = ("first", "x"), ("last", "y"), ("both", "xy")
    assert group_by_shared([first, last, ("other", "z"), both]) == [
        ["first", "last", "both"],
        ["other"],
    ]


def test_long_chains_are_one_group():
    # A path through trees that are three deep, the deepest name asked for first.
    named = [("a", [1]), ("b", [2]), ("c", [3]), ("d", [3, 2]), ("e", [2, 1])]
    assert group_by_shared([*named, ("f", [3])]) == [list("abcdef")]
    pairs = [(f"{n}", [n, n + 1]) for n in range(200)]
    generator = random.Random(0)
    for _ in range(50):
        generator.shuffle(pairs)
        (group,) = group_by_shared(pairs)
        assert group == [name for name, _ in pairs]


# The order in which a trait's bearers meet must not count: sets come in any.
@settings(max_examples=500)
@given(st.lists(st.lists(st.integers(0, 12), max_size=3), max_size=12))
def test_groups_are_those_of_a_search(traits):
    named = {str(index): numbers for index, numbers in enumerate(traits)}
    groups = []
    for name in named:
        if any(name in group for group in groups):
            continue
        group = {name}
        while True:
            found = set().union(*(named[member] for member in group))
            wider = group | {other for other in named if found & {*named[other]}}
            if wider == group:
                break
            group = wider
        groups.append([other for other in named if other in group])
    assert group_by_shared(named.items()) == groups
