"""Tests of the check of each module's coverage."""

from .module_coverage import shortcomings


def covered(percent: float) -> dict[str, dict[str, float]]:
    """Return the coverage report of a module."""
    return {"summary": {"percent_covered": percent}}


def test_each_module_is_held_to_its_own_bound() -> None:
    """A dialog has to be covered completely, any other module for the most part."""
    package = "custom_components/cloudflare_mtls"
    found = shortcomings(
        {
            f"{package}/sensor.py": covered(95.0),
            f"{package}/engine/probe.py": covered(94.9),
            f"{package}/config_flow.py": covered(99.9),
            f"{package}/flows/options.py": covered(100.0),
            f"{package}/flows/form.py": covered(98.0),
        }
    )
    assert [line.partition(":")[0] for line in found] == [
        "config_flow.py",
        "engine/probe.py",
        "flows/form.py",
    ]
