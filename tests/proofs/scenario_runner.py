"""Runs scenarios: sets one up, lets a home work through faults, and checks the final state."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key

from custom_components.cloudflare_mtls.engine.sync.settings import HostnameSettings
from sandbox.client_auth import is_verified
from sandbox.clock import CLOCK
from sandbox.faults import Fault
from sandbox.state import REVOKED, State

from .endpoint import Endpoint
from .home import Home, without_pauses
from .resettable_sandbox import ResettableSandbox
from .scenarios import Scenario
from .write_monitor import WriteMonitor
from .zone_contents import contents_of, devices_get_in, duplicates, locks_of

# A recovery should take one run; after this many runs, it is given up.
_MAX_RUNS: Final = 4
_BETWEEN_REFRESHES: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class Call:
    """The n-th call of an endpoint in a run."""

    endpoint: Endpoint
    nth: int

    def __str__(self) -> str:
        """Return the call as the fault matrix writes it."""
        again = f" ({self.nth})" if self.nth > 1 else ""
        return f"{self.endpoint.method} {self.endpoint.path}{again}"


class ScenarioRunner:
    """A sandbox in which scenarios start as often as needed."""

    def __init__(self, sandbox: ResettableSandbox) -> None:
        """Use a sandbox; its initial state is where scenarios are prepared from."""
        self.sandbox = sandbox
        self._states: dict[str, tuple[State, State]] = {}

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncGenerator[Self]:
        """Run a sandbox for scenarios."""
        with without_pauses():
            async with ResettableSandbox.running() as sandbox:
                yield cls(sandbox)

    async def set_up(
        self, scenario: Scenario, fault: Fault | None = None
    ) -> WriteMonitor:
        """Set up a scenario with its own faults and perhaps another; return the monitor."""
        faults = self.sandbox.faults
        state, earlier_state = await self._prepared(scenario)
        self.sandbox.restore(earlier_state)
        for each in (*scenario.faults(), fault):
            if each is not None:
                faults.add(each)
        # A stale read returns the state before the last write: the faults have to see one.
        faults.take("POST", "/")
        self.sandbox.replace_state(state)
        monitor = WriteMonitor(self.sandbox)
        for item in scenario.job.hostnames:
            monitor.watch(item)
            if scenario.job.kind == "open":
                monitor.opened.add(item.hostname)
        monitor.accept_state()
        return monitor

    async def calls(self, scenario: Scenario) -> list[Call]:
        """Return the calls of a run, in order, with no faults but the scenario's own."""
        await self.set_up(scenario)
        await scenario.job.run(self.new_home(scenario))
        endpoints: list[Endpoint] = []
        calls = []
        requests = self.sandbox.journal.requests
        for _, group in groupby(requests, lambda entry: entry.write):
            # Concurrent reads arrive in any order, so they are sorted.
            for entry in sorted(group, key=lambda entry: entry.path):
                endpoint = Endpoint.of(entry.method, entry.path)
                endpoints.append(endpoint)
                if scenario.only in (None, endpoint):
                    calls.append(Call(endpoint, endpoints.count(endpoint)))
        return calls

    def new_home(self, scenario: Scenario, *elsewhere: HostnameSettings) -> Home:
        """Return the scenario's home, just started; it may have hostnames in other zones."""
        return self.sandbox.new_home(*scenario.job.hostnames, elsewhere=elsewhere)

    async def recover(self, scenario: Scenario, home: Home) -> int:
        """Run again until nothing is left to do; return how many runs had something to do."""
        creates = scenario.job.kind == "create_certificate"
        for earlier_runs in range(_MAX_RUNS):
            writes = self.sandbox.write_count
            CLOCK.advance(_BETWEEN_REFRESHES)
            run = await scenario.job.run(home)
            if run.is_done:
                return earlier_runs + (creates or self.sandbox.write_count > writes)
        return _MAX_RUNS

    def final_violations(self, scenario: Scenario, monitor: WriteMonitor) -> list[str]:
        """Return what is wrong with the state once a run has recovered."""
        sandbox, hostnames = self.sandbox, scenario.job.hostnames
        found = [f"twice: {each}" for each in duplicates(sandbox, monitor.protected)]
        exposed = monitor.exposed_hostnames()
        found += [f"exposed: {each}" for each in exposed - monitor.opened]
        found += [f"not open: {each}" for each in monitor.opened - exposed]
        match scenario.job.kind:
            case "sync":
                found += [
                    f"devices do not get in: {item.hostname}"
                    for item in hostnames
                    if not devices_get_in(sandbox, item)
                ]
            case "take_down":
                found += [
                    f"left behind: {thing}"
                    for item in hostnames
                    for thing in contents_of(sandbox, item.hostname)
                ]
            case "open":
                found += [
                    f"left behind: {thing}"
                    for item in hostnames
                    for thing in locks_of(sandbox, item.hostname)
                ]
            case "create_certificate":
                keys = [
                    record.certificate.public_key()
                    for record in sandbox.zone.certificates.values()
                    if record.status not in REVOKED
                ]
                found += [
                    f"two certificates for a key: {key}"
                    for key in keys
                    if keys.count(key) > 1
                ]
        return found

    async def unusable_certificates(self, home: Home) -> list[str]:
        """Return the certificates that a home got from the engine but no device could use."""
        sandbox = self.sandbox
        authority = await sandbox.authorities.get(sandbox.account_id)
        found = []
        for created in home.created:
            certificate = x509.load_pem_x509_certificate(
                created.certificate.pem.encode()
            )
            key = certificate.public_key()
            if key != load_der_public_key(created.public_key):
                found.append(f"for another key: {created.certificate.id}")
            # The edge checks the signature, not whether the zone lists the certificate.
            if not is_verified(certificate, authority) or sandbox.state.is_revoked(
                sandbox.account_id, certificate
            ):
                found.append(f"not let in: {created.certificate.id}")
            found += [
                f"has another id in the zone: {created.certificate.id}"
                for record in sandbox.zone.certificates.values()
                if record.certificate.public_key() == key
                and record.id != created.certificate.id
            ]
        return found

    async def _prepared(self, scenario: Scenario) -> tuple[State, State]:
        if scenario.name not in self._states:
            states = []
            for prepare in (scenario.prepare, scenario.prepare_earlier):
                self.sandbox.restore()
                await prepare(self.sandbox)
                states.append(self.sandbox.snapshot())
            state, earlier_state = states
            self._states[scenario.name] = state, earlier_state
        return self._states[scenario.name]
