"""Where scenarios are played: begun, interrupted, taken up again, and judged in the end."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key

from sandbox.client_auth import is_verified
from sandbox.clock import CLOCK
from sandbox.faults import Fault
from sandbox.state import REVOKED, State

from .cloud import Cloud
from .home import Home, without_pauses
from .scenarios import Scenario
from .trouble import Endpoint
from .witness import Witness, doubles, reaches, remains

# One more run is to be enough; after so many, none will be.
_MAX_RUNS: Final = 4


@dataclass(frozen=True)
class Call:
    """The n-th call of an endpoint in a run."""

    endpoint: Endpoint
    nth: int

    def __str__(self) -> str:
        """Name it."""
        again = f" ({self.nth})" if self.nth > 1 else ""
        return f"{self.endpoint.method} {self.endpoint.path}{again}"


class Stage:
    """A cloud that is brought to the beginning of a scenario as often as needed."""

    def __init__(self, cloud: Cloud) -> None:
        """Take a cloud, and whatever is in it."""
        self.cloud = cloud
        self._states: dict[str, tuple[State, State]] = {}

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncGenerator[Self]:
        """Run the cloud."""
        with without_pauses():
            async with Cloud.running() as cloud:
                yield cls(cloud)

    async def begin(self, scenario: Scenario, fault: Fault | None = None) -> Witness:
        """Set up a scenario, with its faults and perhaps another; return who watches."""
        faults = self.cloud.sandbox.faults
        start, earlier = await self._prepared(scenario)
        self.cloud.restore(earlier)
        for each in (*scenario.standing(), fault):
            if each is not None:
                faults.add(each)
        # To a stale read, the change from the earlier state was the last write.
        faults.take("POST", "/")
        self.cloud.become(start)
        witness = Witness(self.cloud)
        for item in scenario.order.hostnames:
            witness.protected[item.hostname] = item.exempt_paths
        witness.begin()
        return witness

    async def calls(self, scenario: Scenario) -> list[Call]:
        """Return the calls of a run that only standing faults happen to, in their order."""
        await self.begin(scenario)
        await scenario.order.carry_out(self.home(scenario))
        seen: list[Endpoint] = []
        calls = []
        requests = self.cloud.sandbox.journal.requests
        for _, together in groupby(requests, lambda entry: entry.write):
            # Reads that are made at once come in any order.
            for entry in sorted(together, key=lambda entry: entry.path):
                endpoint = Endpoint.of(entry.method, entry.path)
                seen.append(endpoint)
                if scenario.only in (None, endpoint):
                    calls.append(Call(endpoint, seen.count(endpoint)))
        return calls

    def home(self, scenario: Scenario) -> Home:
        """Return the home of the scenario, just started."""
        return self.cloud.home(*scenario.order.hostnames)

    async def recover(self, scenario: Scenario, home: Home) -> int:
        """Run again until nothing is left to do; return how many runs had something to do."""
        mints = scenario.order.deed == "mint"
        for further in range(_MAX_RUNS):
            writes = self.cloud.writes
            # A quarter of an hour is between two refreshes.
            CLOCK.advance(timedelta(minutes=15))
            run = await scenario.order.carry_out(home)
            if run.done:
                # By then it had seen everything in sync, and nothing was spoiled any more.
                return further + (mints or self.cloud.writes > writes)
        return _MAX_RUNS

    def unfinished(self, scenario: Scenario, witness: Witness) -> list[str]:
        """Return what is not as it must be in the end."""
        cloud, hostnames = self.cloud, scenario.order.hostnames
        left = [f"twice: {thing}" for thing in doubles(cloud, witness.protected)]
        left += [f"open: {hostname}" for hostname in witness.open_hostnames()]
        match scenario.order.deed:
            case "sync":
                left += [
                    f"out of reach: {item.hostname}"
                    for item in hostnames
                    if not reaches(cloud, item)
                ]
            case "take_down":
                left += [
                    f"left behind: {thing}"
                    for item in hostnames
                    for thing in remains(cloud, item.hostname)
                ]
            case "mint":
                keys = [
                    record.certificate.public_key()
                    for record in cloud.zone.certificates.values()
                    if record.status not in REVOKED
                ]
                left += [f"two for one: {key}" for key in keys if keys.count(key) > 1]
        return left

    async def useless(self, home: Home) -> list[str]:
        """Return the certificates that a home reported as minted, and no device gets in with."""
        sandbox = self.cloud.sandbox
        authority = await sandbox.authorities.get(sandbox.account_id)
        found = []
        for minted in home.minted:
            certificate = x509.load_pem_x509_certificate(
                minted.certificate.pem.encode()
            )
            key = certificate.public_key()
            if key != load_der_public_key(minted.public_key):
                found.append(f"for another key: {minted.certificate.id}")
            # The edge asks who signed it, and not whether the zone remembers.
            if not is_verified(certificate, authority) or sandbox.state.is_revoked(
                sandbox.account_id, certificate
            ):
                found.append(f"not let in: {minted.certificate.id}")
            found += [
                f"known as another: {minted.certificate.id}"
                for record in self.cloud.zone.certificates.values()
                if record.certificate.public_key() == key
                and record.id != minted.certificate.id
            ]
        return found

    async def _prepared(self, scenario: Scenario) -> tuple[State, State]:
        if scenario.name not in self._states:
            states = []
            for prepare in (scenario.prepare, scenario.earlier):
                self.cloud.restore()
                await prepare(self.cloud)
                states.append(self.cloud.snapshot())
            start, earlier = states
            self._states[scenario.name] = start, earlier
        return self._states[scenario.name]
