"""Rewrites the tree of an expression into one that is evaluated faster (pure)."""

from .tree import Call, Combination, Field, HostPrefixes, Node, Not


def optimise(node: Node) -> Node:
    """Return a tree that means the same.

    Our own expressions name many hostnames, each in a condition of its own: these become a
    single condition. A hostname is looked at before the paths that are exempt there, and the
    certificate, which our expressions ask for last, is looked at first; the order of conditions
    does not matter to what they mean.
    """
    if (prefix := _host_prefix(node)) is not None:
        return HostPrefixes((prefix,))
    match node:
        case Not(inner):
            return Not(optimise(inner))
        case Combination("or", nodes):
            prefixes = [_host_prefix(inner) for inner in nodes]
            hosts = HostPrefixes(tuple(text for text in prefixes if text is not None))
            others = [
                optimise(inner)
                for inner, prefix in zip(nodes, prefixes, strict=True)
                if prefix is None
            ]
            return Combination("or", (*reversed(others), hosts))
        case Combination(operator, nodes):
            optimised = [optimise(inner) for inner in reversed(nodes)]
            optimised.sort(key=lambda inner: not isinstance(inner, HostPrefixes))
            return Combination(operator, tuple(optimised))
        case _:
            return node


def _host_prefix(node: Node) -> str | None:
    """Return the prefix of the host that the node asks for, if it asks for that alone."""
    match node:
        case Call("starts_with", (Call("lower", (Field("http.host"),)), str(prefix))):
            return prefix
        case _:
            return None
