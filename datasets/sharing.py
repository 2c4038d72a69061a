"""Groups of things that have something in common."""

from collections.abc import Hashable, Iterable


def group_by_shared(
    named_traits: Iterable[tuple[str, Iterable[Hashable]]],
) -> list[list[str]]:
    """Groups of names that have a trait in common.

    Kinship carries over: if a shares a trait with b and b another with c, all three
    are one group.

    Args:
        named_traits: each name, which comes once, and its traits.

    Returns:
        Every name in exactly one group; groups and names in the order in which names
        came.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    first: dict[Hashable, str] = {}
    for name, traits in named_traits:
        parent[name] = name
        for trait in traits:
            parent[root(name)] = root(first.setdefault(trait, name))
    groups: dict[str, list[str]] = {}
    for name in parent:
        groups.setdefault(root(name), []).append(name)
    return list(groups.values())
