"""Checks after every write that it exposed no hostname and changed nothing foreign."""

from collections.abc import Iterable
import json

from custom_components.cloudflare_mtls.engine.sync.settings import ProtectedHostname
from sandbox.journal import Entry

from .exposure import UnauthorizedRequest, admitted
from .resettable_sandbox import ResettableSandbox
from .zone_contents import foreign_contents, rules_naming


class WriteMonitor:
    """Observes the writes of a sandbox and collects violations."""

    def __init__(self, sandbox: ResettableSandbox) -> None:
        """Observe a sandbox from now on."""
        self.violations: list[str] = []
        # The exempt paths of every hostname that a home protects.
        self.protected: dict[str, tuple[str, ...]] = {}
        # Those whose ingress rules are their owner's, and those that a person has opened.
        self.adopted: set[str] = set()
        self.opened: set[str] = set()
        # The ids of our records whose comments somebody took away.
        self.unmarked: set[str] = set()
        # The devices that may use each limited hostname.
        self.devices: dict[str, frozenset[str]] = {}
        self._sandbox = sandbox
        self._admitted: frozenset[UnauthorizedRequest] = frozenset()
        self._foreign: dict[str, str] = {}
        sandbox.request_listeners.append(self._check)

    def watch(self, item: ProtectedHostname) -> None:
        """Judge a hostname by these settings from now on."""
        self.protected[item.hostname] = item.exempt_paths
        if item.is_adopted:
            self.adopted.add(item.hostname)
        self.devices.pop(item.hostname, None)
        if item.devices is not None:
            self.devices[item.hostname] = item.devices

    def accept_state(self) -> None:
        """Compare with the present state from now on; needed before a run and after an edit."""
        self._admitted = self.admitted()
        self._foreign = self._read_foreign()

    def admitted(self) -> frozenset[UnauthorizedRequest]:
        """Return the unauthorized requests that get in now."""
        sandbox = self._sandbox
        return admitted(sandbox.state, sandbox.zone, self.protected, self.devices)

    def exposed_hostnames(self) -> set[str]:
        """Return the hostnames where an unauthorized request gets in now."""
        return {request.hostname for request in self.admitted()}

    def _check(self, entry: Entry) -> None:
        if not entry.write:
            return
        write = f"{entry.method} {entry.path}"
        admitted = self.admitted()
        added = {
            request
            for request in admitted - self._admitted
            # No rule may let anybody past others any more once it is open.
            if request.hostname not in self.opened
            or rules_naming(self._sandbox, request.hostname)
        }
        if added:
            self.violations.append(f"{write} opened {_first(added)}")
        self._admitted = admitted
        foreign = self._read_foreign()
        for part, before in self._foreign.items():
            if foreign[part] != before:
                self.violations.append(
                    f"{write} changed foreign {part}: {before} became {foreign[part]}"
                )
        self._foreign = foreign

    def _read_foreign(self) -> dict[str, str]:
        parts = foreign_contents(
            self._sandbox, self.protected, self.adopted, self.unmarked
        )
        return {part: json.dumps(content) for part, content in parts.items()}


def _first(requests: Iterable[UnauthorizedRequest]) -> UnauthorizedRequest:
    return min(requests, key=repr)
