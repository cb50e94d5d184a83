"""The pictures of the documents, which `python -m demo.pictures` takes of a real Home Assistant."""

from typing import Final

PICTURES: Final = frozenset(
    {
        "browser-with-certificate.png",
        "browser-without-certificate.png",
        "dashboard.png",
        "device-page.png",
        "dialog-add-device.png",
        "dialog-handover.png",
        "handover-android-after.png",
        "handover-android-before.png",
        "handover-android-code.png",
        "handover-ios-after.png",
        "handover-ios-before.png",
        "handover-test-done.png",
        "stranger-and-phone.gif",
    }
)
