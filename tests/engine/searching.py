"""Settings and strategies of the tests that use hypothesis."""

from hypothesis import HealthCheck, settings, strategies as st

NIGHTLY = 5000


def search(examples: int = 200, *, again: bool = True) -> settings:
    """Return settings for a number of examples, without a database and without deadlines.

    With `again` every run has the same examples, without it each run has new ones.
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
    st.from_regex(r"/[A-Za-z0-9/._~-]{1,12}/?", fullmatch=True), max_size=3
).map(tuple)
