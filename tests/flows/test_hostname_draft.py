"""Tests of the draft of a protected hostname, without a dialog."""

from functools import partial
from typing import Any
from unittest.mock import AsyncMock

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

from custom_components.cloudflare_mtls.account import async_create_client
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import Rejected
from custom_components.cloudflare_mtls.engine.sync.header_rules import HeaderRules
from custom_components.cloudflare_mtls.engine.sync.reconciler import Reconciler
from custom_components.cloudflare_mtls.engine.sync.settings import (
    HostnameSettings,
    Layout,
    ProtectedHostname,
)
from custom_components.cloudflare_mtls.flows.account_choices import AccountChoices
from custom_components.cloudflare_mtls.flows.chosen_tunnel import ChosenTunnel, look_at
from custom_components.cloudflare_mtls.flows.hostname_draft import HostnameDraft, offer
from custom_components.cloudflare_mtls.flows.hostname_form import (
    read_settings,
    wrong_place,
)
from custom_components.cloudflare_mtls.wording import Message
from sandbox import Sandbox
from sandbox.seed import SERVICE
from tests.common import HOSTNAME, records_of, zone_of
from tests.dialogs import assert_protected
from tests.faults import Faults

ADVANCED = {"layout": "skip_and_block", "exempt_paths": [], "keep_in_sync": True}
# A head, and every permission.
TYPED = {"hostname": HOSTNAME, "service": SERVICE, "advanced": ADVANCED}


def settings(hostname: str, *, published: bool = True) -> HostnameSettings:
    """Return settings of a hostname that is protected already."""
    return HostnameSettings(
        zone_id=Sandbox.zone_id,
        protected=ProtectedHostname(
            hostname=hostname,
            tunnel_id=Sandbox.tunnel_id,
            service="http://192.168.1.20:5000",
            published=published,
        ),
        keep_in_sync=True,
    )


@pytest.fixture
async def client(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> CloudflareClient:
    """Return a client of the account; proposals need Home Assistant's own web server too."""
    assert await async_setup_component(hass, "http", {})
    return await async_create_client(hass, sandbox.token)


def reconciler_of(
    client: CloudflareClient, header_rules: HeaderRules, settings: HostnameSettings
) -> Reconciler:
    """Return a reconciler of one hostname."""
    return Reconciler(
        client=client,
        account_id=Sandbox.account_id,
        hostnames=(settings,),
        header_rules=header_rules,
    )


async def load(
    hass: HomeAssistant, client: CloudflareClient, **known: Any
) -> AccountChoices:
    """Return what the account has to choose from."""
    choices = await AccountChoices.load(
        hass,
        client,
        Sandbox.account_id,
        await client.zones.list(),
        partial(reconciler_of, client, HeaderRules()),
        **known,
    )
    assert isinstance(choices, AccountChoices)
    return choices


async def look(
    hass: HomeAssistant, client: CloudflareClient, **known: Any
) -> ChosenTunnel:
    """Return the home lab's tunnel, chosen for the home lab's zone."""
    choices = await load(hass, client, **known)
    chosen = await look_at(
        choices,
        choices.zones[Sandbox.zone_id],
        choices.tunnels.by_id[Sandbox.tunnel_id],
    )
    assert isinstance(chosen, ChosenTunnel)
    return chosen


async def draft_of(
    chosen: ChosenTunnel, typed: dict[str, Any]
) -> HostnameDraft | Message:
    """Return a draft of what a person typed, or what is wrong with it."""
    hostname = typed["hostname"]
    settings = wrong_place(chosen, hostname) or read_settings(chosen, hostname, typed)
    return settings if isinstance(settings, Message) else await offer(chosen, settings)


async def test_from_the_account_to_the_protected_hostname(
    hass: HomeAssistant, sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Only apply writes, and a second plan has nothing left to do."""
    chosen = await look(hass, client)
    assert chosen.propose() == (HOSTNAME, SERVICE)
    assert chosen.permissions.startswith("\n\nYour API token can read")
    assert "|" not in chosen.permissions

    draft = await draft_of(chosen, TYPED)
    assert isinstance(draft, HostnameDraft)
    assert len(draft.plan.steps) == 6
    assert draft.settings.protected == ProtectedHostname(
        hostname=HOSTNAME,
        tunnel_id=Sandbox.tunnel_id,
        service=SERVICE,
        layout=Layout.SKIP_AND_BLOCK,
    )
    written: list[int] = []

    async def begin() -> None:
        written.append(len(sandbox.journal.writes))

    await draft.apply(lambda: False, begin)
    assert written == [0], "it is told before the first change"
    assert_protected(sandbox)
    assert (await draft.planned()).plan.in_sync


async def test_account_without_zones(
    hass: HomeAssistant, client: CloudflareClient
) -> None:
    """Zones of other accounts do not count."""
    zones = await client.zones.list()

    choices = await AccountChoices.load(
        hass, client, "another", zones, partial(reconciler_of, client, HeaderRules())
    )

    assert choices == Message("no_zone")


@pytest.mark.parametrize("with_tunnel", [True, False])
async def test_zone_that_is_paused(
    hass: HomeAssistant, sandbox: Sandbox, client: CloudflareClient, with_tunnel: bool
) -> None:
    """The message names the zone."""
    choices = await load(hass, client)
    zone_of(sandbox).paused = True
    tunnel = choices.tunnels.by_id[Sandbox.tunnel_id] if with_tunnel else None

    message = await choices.check(choices.zones[Sandbox.zone_id], tunnel)

    assert message
    assert (message.key, message.field) == ("zone_not_active", "zone_id")
    assert message.placeholders.keys() == {"zone"}


async def test_every_good_hostname_is_taken(
    hass: HomeAssistant, sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Nothing is proposed that is protected already; the service still fits."""
    config = sandbox.state.tunnels[sandbox.tunnel_id].config
    assert config
    config["ingress"] = [{"service": "http_status:404"}]
    chosen = await look(hass, client, others=[settings("ha-mobile.example.com")])

    hostname, service = chosen.propose()

    assert hostname == ""
    assert service == f"http://10.10.10.10:{hass.http.server_port}"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (
            {"hostname": "a.example.net"},
            Message("hostname_outside_zone", {"zone": "example.com"}, "hostname"),
        ),
        (
            {"hostname": "b.example.com"},
            Message("hostname_protected", {"hostname": "b.example.com"}, "hostname"),
        ),
        ({"service": "x"}, Message("service_malformed", field="service")),
        (
            {"advanced": {**ADVANCED, "exempt_paths": ["/a/", " / "]}},
            Message("exempt_path_malformed", {"path": "/"}),
        ),
        (
            {"hostname": "nas.example.com"},
            Message(
                "hostname_in_use",
                {"hostname": "nas.example.com", "by": "http://192.168.1.20:5000"},
                "hostname",
            ),
        ),
        (
            {"hostname": "vpn.example.com"},
            Message(
                "hostname_in_use",
                {"hostname": "vpn.example.com", "by": "198.51.100.7"},
                "hostname",
            ),
        ),
    ],
    ids=lambda value: value.key if isinstance(value, Message) else "",
)
async def test_what_is_typed_wrong(
    hass: HomeAssistant,
    client: CloudflareClient,
    typed: dict[str, Any],
    message: Message,
) -> None:
    """Each mistake has its message, beside its field."""
    chosen = await look(hass, client, others=[settings("b.example.com")])

    assert await draft_of(chosen, {**TYPED, **typed}) == message


@pytest.mark.parametrize(
    ("written", "hostname"),
    [
        ("m\u00fcnchen.example.com", "xn--mnchen-3ya.example.com"),
        ("Munich.Example.com", "munich.example.com"),
    ],
)
async def test_hostname_that_is_in_use_in_other_letters(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: CloudflareClient,
    written: str,
    hostname: str,
) -> None:
    """Cloudflared would never reach a rule of ours behind that one."""
    service = "http://nas:80"
    ingress = sandbox.state.tunnels[sandbox.tunnel_id].ingress
    ingress.insert(0, {"hostname": written, "service": service})
    chosen = await look(hass, client)

    assert await draft_of(chosen, {**TYPED, "hostname": hostname}) == Message(
        "hostname_in_use", {"hostname": hostname, "by": service}, "hostname"
    )
    assert sandbox.journal.writes == []


async def test_hostname_that_is_changed(
    hass: HomeAssistant, sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Its own ingress rule is no obstacle, and an unpublished hostname stays unpublished."""
    current = settings("nas.example.com", published=False)
    chosen = await look(hass, client, current=current)

    draft = await draft_of(chosen, {**TYPED, "hostname": "nas.example.com"})

    assert isinstance(draft, HostnameDraft)
    assert not draft.settings.protected.published


async def test_apply_that_is_stopped(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, client: CloudflareClient
) -> None:
    """The error says what stopped the changes, and a second plan holds what is left."""
    draft = await draft_of(await look(hass, client), TYPED)
    assert isinstance(draft, HostnameDraft)
    faults.refuse("POST", "/dns_records", 400, 1, "No")

    with pytest.raises(Rejected, match="No"):
        await draft.apply(lambda: False, AsyncMock())

    (step,) = (await draft.planned()).plan.steps
    assert step.kind == "dns_record"
    assert records_of(sandbox) == []
