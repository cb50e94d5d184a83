"""Random edits where Cloudflare refuses some changes for good: what is left opens nothing, and costs nothing else."""

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, Final

from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
import pytest

from custom_components.cloudflare_mtls.engine.rules.marks import (
    BLOCK_REF,
    RECORD_COMMENT,
)
from custom_components.cloudflare_mtls.engine.sync.settings import ProtectedHostname
from sandbox.faults import Fault, FaultKind
from sandbox.seed import SERVICE, TUNNEL_ID
from tests.engine.searching import search

from .dashboard_edits import EDITS, Edit, change_own_records_comment
from .home import Run
from .hostnames import BOAT, CABIN, HOME
from .resettable_sandbox import ResettableSandbox
from .test_random_histories import SETTLED
from .time_skipping import entered
from .write_monitor import WriteMonitor
from .zone_contents import devices_get_in

_OWN: Final = (HOME, CABIN, BOAT)
# What Cloudflare may refuse, each call of it.
_REFUSED: Final = (
    ("DELETE", "/zones/*/dns_records/*"),
    ("PATCH", "/zones/*/dns_records/*"),
    ("POST", "/zones/*/dns_records"),
    ("PUT", "/accounts/*/configurations"),
    ("PUT", "/zones/*/certificate_authorities/*"),
    ("DELETE", "/zones/*/rulesets/*/rules/*"),
    ("PATCH", "/zones/*/rulesets/*/rules/*"),
    ("POST", "/zones/*/rulesets/*/rules"),
)
_KINDS: Final = (FaultKind.FORBIDDEN, FaultKind.UNSUCCESSFUL, FaultKind.SERVER_ERROR)
# Other ways to write a rule, which close more, and are not how ours are written.
_OTHER_FORMS: Final = (
    "not (cf.tls_client_auth.cert_verified and not cf.tls_client_auth.cert_revoked)",
    'http.host contains "mobile" and not cf.tls_client_auth.cert_verified',
    f'http.host in {{"{HOME}" "{CABIN}"}} and not cf.tls_client_auth.cert_verified',
)


def write_in_another_form(sandbox: ResettableSandbox, number: int) -> None:
    """Write our block rule in another way."""
    for item in sandbox.zone.rules:
        if item.ref == BLOCK_REF:
            item.expression = _OTHER_FORMS[number % len(_OTHER_FORMS)]


# Half of the edits write our rule in another form. Comments go in a step of their own.
_edits = st.just(write_in_another_form) | st.sampled_from(
    [edit for edit in EDITS if edit is not change_own_records_comment]
)
_numbers = st.integers(0, 255)


class RefusedHistory(RuleBasedStateMachine):
    """A home with three hostnames, some of which are removed while Cloudflare refuses changes."""

    runner: ClassVar[asyncio.Runner]
    sandbox: ClassVar[ResettableSandbox]

    def __init__(self) -> None:
        """Start with the home lab."""
        super().__init__()
        self.sandbox.restore()
        self.monitor = WriteMonitor(self.sandbox)
        self.home = self.sandbox.new_home()

    @initialize()
    def protect_all(self) -> None:
        """Protect three hostnames."""
        for hostname in _OWN:
            item = ProtectedHostname(
                hostname=hostname, tunnel_id=TUNNEL_ID, service=SERVICE
            )
            self.home.settings[hostname] = item
            self.monitor.watch(item)
        assert self._run(self.home.sync()).is_done

    @precondition(lambda self: self.home.settings)
    @rule(number=_numbers)
    def remove(self, number: int) -> None:
        """Remove a hostname, which has to be taken down."""
        names = sorted(self.home.settings)
        hostname = names[number % len(names)]
        self.home.removed[hostname] = self.home.settings.pop(hostname)

    @rule(edit=_edits, number=_numbers)
    def edit(self, edit: Edit, number: int) -> None:
        """Let the owner or another tool edit something."""
        # For a while after a write, nobody can tell an edit of the associations from a read that lags.
        self.sandbox.clock.advance(SETTLED)
        edit(self.sandbox, number)

    @rule()
    def lose_comments(self) -> None:
        """Take the comments of our records away, as another tool does."""
        for record in self.sandbox.zone.dns_records.values():
            if record.comment == RECORD_COMMENT:
                record.comment = ""
                self.monitor.unmarked.add(record.id)

    @rule(
        refused=st.lists(
            st.sampled_from(_REFUSED), min_size=1, max_size=3, unique=True
        ),
        kind=st.sampled_from(_KINDS),
        first=st.sampled_from([1, 1, 2]),
    )
    def fix(self, refused: list[tuple[str, str]], kind: FaultKind, first: int) -> None:
        """Do what is left, while Cloudflare refuses some calls."""
        for method, path in refused:
            self.sandbox.faults.add(
                Fault(kind, method=method, path=path, first=first, times=None)
            )
        self._run(self.home.fix())

    def teardown(self) -> None:
        """Check that all is done once nothing is refused any more."""
        self.sandbox.clock.advance(SETTLED)
        run = self._run(self.home.fix())
        assert run.error is None, run.error
        if run.is_done:
            for item in self.home.settings.values():
                assert devices_get_in(self.sandbox, item)

    def _run(self, action: Coroutine[Any, Any, Run]) -> Run:
        self.monitor.accept_state()
        run = self.runner.run(action)
        self.sandbox.faults.clear()
        assert not self.monitor.violations, self.monitor.violations
        return run


def _search(runner: asyncio.Runner, how: settings) -> None:
    with entered(runner, ResettableSandbox.running()) as sandbox:
        members = {"runner": runner, "sandbox": sandbox}
        run_state_machine_as_test(
            type("RefusedHistory", (RefusedHistory,), members),
            settings=settings(how, stateful_step_count=10),
        )


def test_refused_changes(runner: asyncio.Runner) -> None:
    """The same histories in every run; a failing one is not made shorter."""
    _search(runner, settings(search(120), phases=[Phase.generate]))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_many_refused_changes(runner: asyncio.Runner) -> None:
    """New histories in every run, and the shortest that fails."""
    _search(runner, search(2000, again=False))
