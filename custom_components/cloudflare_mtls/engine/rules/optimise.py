"""Rewrites the tree of an expression into one that is evaluated faster (pure)."""

from .tree import Call, Combination, Field, HostPrefixes, Node, Not


def optimise(node: Node) -> Node:
    """Return a tree that means the same.

    Our own expressions name many hostnames, each in a condition of its own: these become a
    single condition. A hostname is looked at before the paths that are exempt there, and the
    certificate, which our expressions ask for last, is looked at first; the order of conditions
    does not matter to what they mean.
    """
    match node:
        case Call("starts_with", (Call("lower", (Field("http.host"),)), str(prefix))):
            return HostPrefixes((prefix,))
        case Not(inner):
            return Not(optimise(inner))
        case Combination(operator, nodes):
            optimised = [optimise(inner) for inner in reversed(nodes)]
            hosts = [item for item in optimised if isinstance(item, HostPrefixes)]
            others = [item for item in optimised if not isinstance(item, HostPrefixes)]
            if operator != "or":
                return Combination(operator, (*hosts, *others))
            prefixes = tuple(prefix for item in hosts for prefix in item.prefixes)
            return Combination("or", (*others, HostPrefixes(prefixes)))
        case _:
            return node
