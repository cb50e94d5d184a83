"""Tests of what companion devices read."""

import pytest

from custom_components.cloudflare_mtls.edge.credentials import BundleFormat
from custom_components.cloudflare_mtls.edge.platforms import Platform, advised_format


@pytest.mark.parametrize(
    ("platform", "version", "advised"),
    [
        (Platform.ANDROID, "33", BundleFormat.COMPATIBLE),
        (Platform.ANDROID, "34", BundleFormat.MODERN),
        (Platform.ANDROID, "36.1", BundleFormat.MODERN),
        (Platform.ANDROID, "", BundleFormat.COMPATIBLE),
        (Platform.ANDROID, None, BundleFormat.COMPATIBLE),
        (Platform.ANDROID, "UpsideDownCake", BundleFormat.COMPATIBLE),
        (Platform.IOS, "17.7.2", BundleFormat.COMPATIBLE),
        (Platform.IOS, "18.0", BundleFormat.MODERN),
        (Platform.IOS, "26.4", BundleFormat.MODERN),
        (Platform.MACOS, "14.8", BundleFormat.COMPATIBLE),
        (Platform.MACOS, "15", BundleFormat.MODERN),
        (Platform.WEAR_OS, "34", BundleFormat.COMPATIBLE),
        (Platform.WINDOWS, "11", BundleFormat.COMPATIBLE),
        (Platform.LINUX, None, BundleFormat.COMPATIBLE),
    ],
)
def test_the_best_format_that_is_sure_to_be_read(
    platform: Platform, version: str | None, advised: BundleFormat
) -> None:
    """Where the version is not known to read the modern one, the compatible one is sure."""
    assert advised_format(platform, version) is advised


@pytest.mark.parametrize(
    ("os_name", "platform"),
    [
        ("Android", Platform.ANDROID),
        ("iOS", Platform.IOS),
        ("iPadOS", Platform.IOS),
        ("macOS", Platform.MACOS),
        ("", None),
        ("Plan 9", None),
    ],
)
def test_what_companion_apps_report(os_name: str, platform: Platform | None) -> None:
    """The apps report the name of their system."""
    assert Platform.reported(os_name) is platform
