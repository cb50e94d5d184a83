"""Holds the creation of a certificate at one of its steps, so that a test can do something meanwhile."""

import asyncio
from collections.abc import Callable
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.certificates import first_visit, packing
from tests.faults import Faults

STAGES = ("sign", "pin", "visit", "pack")


class Stages:
    """Holds creations at a stage until they are released."""

    def __init__(self, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
        """Hold nothing yet."""
        self._faults = faults
        self._monkeypatch = monkeypatch
        self._reached = threading.Event()
        self._go_on = asyncio.Event()
        self._go_on_in_thread = threading.Event()
        self._is_reached: Callable[[], bool] = self._reached.is_set

    def hold(self, stage: str) -> None:
        """Hold the next creation at a stage."""
        match stage:
            case "sign":
                self._hold_request("POST", "/client_certificates$")
            case "pin":
                self._hold_request("PATCH", "/rulesets/")
            case "visit":
                pauses = SimpleNamespace(sleep=self._wait)
                self._monkeypatch.setattr(first_visit, "asyncio", pauses)
            case "pack":
                self._monkeypatch.setattr(packing, "make_label", self._label)

    async def until_reached(self) -> None:
        """Wait until a creation is held; time may stand still."""
        while not self._is_reached():
            await asyncio.sleep(0)

    def release(self) -> None:
        """Let the creation go on, and hold no other."""
        self._go_on.set()
        self._go_on_in_thread.set()

    def _hold_request(self, method: str, path: str) -> None:
        fault = self._faults.add(method, path, hold=self._go_on, times=1)
        self._is_reached = lambda: fault.hits > 0

    async def _wait(self, seconds: float) -> None:
        self._reached.set()
        await self._go_on.wait()

    def _label(self, *args: Any) -> str:
        self._reached.set()
        self._go_on_in_thread.wait(10)
        return _MAKE_LABEL(*args)


_MAKE_LABEL = packing.make_label
