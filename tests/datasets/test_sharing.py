from hypothesis import given
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


@given(st.lists(st.sets(st.integers(0, 12), max_size=3), max_size=10))
def test_groups_are_those_of_a_search(traits):
    named = {str(index): numbers for index, numbers in enumerate(traits)}
    groups = []
    for name in named:
        if any(name in group for group in groups):
            continue
        group = {name}
        while True:
            found = set().union(*(named[member] for member in group))
            wider = group | {other for other in named if named[other] & found}
            if wider == group:
                break
            group = wider
        groups.append([other for other in named if other in group])
    assert group_by_shared(named.items()) == groups
