"""Tests of which bundle formats companion devices read."""

import pytest

from custom_components.cloudflare_mtls.engine.certificates.bundles import BundleFormat
from custom_components.cloudflare_mtls.engine.certificates.systems import (
    System,
    advised_format,
)


@pytest.mark.parametrize(
    ("system", "version", "advised"),
    [
        (System.ANDROID, "33", BundleFormat.COMPATIBLE),
        (System.ANDROID, "34", BundleFormat.MODERN),
        (System.ANDROID, "36.1", BundleFormat.MODERN),
        (System.ANDROID, "", BundleFormat.COMPATIBLE),
        (System.ANDROID, None, BundleFormat.COMPATIBLE),
        (System.ANDROID, "UpsideDownCake", BundleFormat.COMPATIBLE),
        (System.ANDROID, "9" * 5000, BundleFormat.MODERN),
        (System.IOS, "17.7.2", BundleFormat.COMPATIBLE),
        (System.IOS, "18.0", BundleFormat.MODERN),
        (System.IOS, "26.4", BundleFormat.MODERN),
        (System.MACOS, "14.8", BundleFormat.COMPATIBLE),
        (System.MACOS, "15", BundleFormat.MODERN),
        (System.WEAR_OS, "34", BundleFormat.COMPATIBLE),
        (System.WINDOWS, "11", BundleFormat.COMPATIBLE),
        (System.LINUX, None, BundleFormat.COMPATIBLE),
        (System.CHROMEOS, None, BundleFormat.COMPATIBLE),
    ],
)
def test_the_best_format_that_is_sure_to_be_read(
    system: System, version: str | None, advised: BundleFormat
) -> None:
    """Where the version may not read the modern format, the compatible one is used."""
    assert advised_format(system, version) is advised


@pytest.mark.parametrize(
    ("os_name", "system"),
    [
        ("Android", System.ANDROID),
        ("iOS", System.IOS),
        ("iPadOS", System.IOS),
        ("macOS", System.MACOS),
        ("", None),
        ("Plan 9", None),
    ],
)
def test_what_companion_apps_report(os_name: str, system: System | None) -> None:
    """The apps report the name of their system."""
    assert System.reported(os_name) is system
