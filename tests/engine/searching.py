"""How the tests search for counterexamples."""

from hypothesis import HealthCheck, settings, strategies as st

NIGHTLY = 5000


def search(examples: int = 200, *, again: bool = True) -> settings:
    """Return a bounded search that leaves no files behind and times nothing.

    It finds the same again in every run, unless told to look elsewhere each time.
    """
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=again,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


_LABELS = st.from_regex(r"(?!-)[a-z0-9-]{1,12}(?<!-)", fullmatch=True)
HOSTNAMES = st.builds("{}.{}.example".format, _LABELS, _LABELS)
EXEMPT_PATHS = st.lists(
    st.from_regex(r"/[A-Za-z0-9/._~-]{1,12}/", fullmatch=True), max_size=3
).map(tuple)
