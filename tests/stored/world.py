"""A home that uses everything, set up in the dialogs: in it, something stands in each part of what is stored."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.cloudflare_mtls.storage.begun_hostnames import (
    async_get_begun_hostnames,
)
from custom_components.cloudflare_mtls.subentries import hostnames_of
from sandbox import Sandbox
from tests.app_requests import register_app
from tests.certificates.creating import press
from tests.certificates.helpers import through_dialog
from tests.certificates.test_restarts import lose_restoration
from tests.certificates.test_unknown_certificates import select, to_step
from tests.common import (
    EDGE_EVERY,
    ENGLISH,
    HOSTNAME,
    act,
    add_certificate,
    choose,
    fingerprint_of,
    records_of,
    settle,
    submit,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import (
    CHOSEN,
    TEST_PATH,
    Client,
    add as add_device,
    add_hostname,
    certificates,
    fetch,
    finish,
    link_of,
    open_options,
    renew_and_test,
    run_test,
    start,
    token_of_test,
    zone_and_tunnel,
)
from tests.engine.access.helpers import HOME, OWNER, PARTNER
from tests.faults import Faults
from tests.flows.existing import adopt, serve
from tests.flows.login_dialog import RULES, add as add_login, token_of, visit
from tests.identities import told_headers
from tests.logins import log_in

from .cloudflare import Trouble

LIMITED: Final = "tablet.example.com"
DEEP: Final = "ha-mobile.lab.example.com"
REMOVED: Final = "old-mobile.example.com"
IN_TRIAL: Final = "wiki.example.com"
NEXT_TRIAL: Final = "files.example.com"
UNKNOWN: Final = "7bf7f70c-7600-42e1-81c4-00000000000a"
CONFIRMED: Final = "7bf7f70c-7600-42e1-81c4-00000000000b"

LOG_EVERY: Final = timedelta(minutes=10)
_DONE: Final = tuple(ENGLISH["common"][key] for key in ("proof_done", "proof_renewed"))


@dataclass(kw_only=True)
class World:
    """A home, its Cloudflare, an administrator who opens repairs, and a visitor who is not logged in."""

    hass: HomeAssistant
    sandbox: Sandbox
    faults: Faults
    trouble: Trouble
    freezer: FrozenDateTimeFactory
    admin: Client
    visitor: Client
    entry: Any = field(init=False)

    async def live(self) -> None:
        """Do everything that leaves something in what is stored; the trial of a login begins last."""
        for hostname in (IN_TRIAL, NEXT_TRIAL):
            serve(self.sandbox, hostname, "http://192.168.1.20:8080")
        first = await start(self.hass)
        self.entry = await finish(self.hass, self.sandbox, self.sandbox.token, first)
        await self._use_phone()
        # Within half an hour: then the administrator's token expires.
        await self._confirm_certificate()
        await self._revoke_tablet()
        await self._restore_laptop()
        await self._remove_watch()
        await self._protect_hostnames()
        await self._choose_options()
        await self._remove_hostname()
        await self.begin_hostname()
        await self._have_people_log_in()
        await self._have_requests_arrive()
        self.trouble.let_in(LIMITED)
        await wait_for_refresh(self.hass, self.freezer, EDGE_EVERY)
        await begin_trial(self.hass, self.entry, IN_TRIAL)

    async def create(self, name: str) -> str:
        """Create a certificate for a new device, which fetches it; return the certificate's id."""
        created = await act(
            self.hass, self.entry, "mint_certificate", name=name, hostname=HOSTNAME
        )
        await settle(self.hass)
        fetched = await fetch(self.visitor, link_of(self.hass, created))
        await settle(self.hass)
        assert await run_test(self.visitor, token_of_test(fetched)) in _DONE
        self.freezer.tick(60)
        return str(created["certificate_id"])

    async def _use_phone(self) -> None:
        """Add a device in the dialog, and renew its certificate; the older one is kept for a week."""
        form = await add_device(self.hass, self.entry)
        token = await through_dialog(self.hass, self.visitor, form, CHOSEN)
        await settle(self.hass)
        assert await run_test(self.visitor, token) in _DONE
        self.freezer.tick(60)
        (first,) = certificates(self.sandbox)
        await renew_and_test(self.hass, self.visitor, self.entry, first)
        self.freezer.tick(60)

    async def _revoke_tablet(self) -> None:
        await self.create("Tablet")
        await press(self.hass, "button.tablet_revoke")
        await settle(self.hass)

    async def _restore_laptop(self) -> None:
        """Restore a certificate twice; the second answer gets lost."""
        laptop = await self.create("Laptop")
        for restore in (self._restore, self._restore_without_answer):
            await act(
                self.hass, self.entry, "revoke_certificate", certificate_id=laptop
            )
            self.freezer.tick(300)
            await restore(laptop)
            self.freezer.tick(300)
            await settle(self.hass)

    async def _restore(self, certificate_id: str) -> None:
        await act(
            self.hass, self.entry, "restore_certificate", certificate_id=certificate_id
        )

    async def _restore_without_answer(self, certificate_id: str) -> None:
        await lose_restoration(self.hass, self.faults, self.entry, certificate_id)

    async def _remove_watch(self) -> None:
        """Remove a device whose certificate Cloudflare refuses to revoke."""
        watch = await self.create("Watch")
        self.trouble.refuse_to_delete(f"/client_certificates/{watch}")
        await self._remove("Watch")

    async def _protect_hostnames(self) -> None:
        """Protect one for a device, one that the edge has no certificate for, and one that is there."""
        (phone,) = (
            item.unique_id
            for item in self.entry.subentries.values()
            if item.title == CHOSEN["name"]
        )
        await self._protect(LIMITED, devices=[phone])
        await self._protect(DEEP)
        await self._protect(REMOVED)
        serve(self.sandbox)
        await adopt(self.hass, self.entry)

    async def _protect(self, hostname: str, **more: Any) -> None:
        form = await add_hostname(self.hass, self.entry)
        form = await submit(self.hass, form, zone_and_tunnel(self.sandbox))
        typed = {**choose(), "hostname": hostname, **more}
        preview = await submit(self.hass, form, typed)
        if preview["step_id"] == "no_certificate":
            preview = await submit(self.hass, preview, {"next_step_id": "accept"})
        assert preview["step_id"] == "preview", preview
        result = await submit(self.hass, preview)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        await settle(self.hass)

    async def _remove_hostname(self) -> None:
        """Remove a hostname whose record Cloudflare refuses to delete."""
        (record,) = records_of(self.sandbox, REMOVED)
        self.trouble.refuse_to_delete(f"/dns_records/{record.id}")
        await self._remove(REMOVED)

    async def _remove(self, title: str) -> None:
        (subentry_id,) = (
            key for key, item in self.entry.subentries.items() if item.title == title
        )
        self.hass.config_entries.async_remove_subentry(self.entry, subentry_id)
        await settle(self.hass)

    async def _confirm_certificate(self) -> None:
        """Find two certificates from elsewhere, and confirm one of them in the repair."""
        for certificate_id in (UNKNOWN, CONFIRMED):
            await add_certificate(
                self.sandbox, organization="Somebody", certificate_id=certificate_id
            )
        await wait_for_refresh(self.hass, self.freezer, EDGE_EVERY)
        step = await to_step(self.hass, self.admin, "confirm")
        await select(self.hass, self.admin, step, CONFIRMED)

    async def _choose_options(self) -> None:
        for form, typed in (
            ("access", {"pin_certificates": True, "remote_handover": True}),
            ("connectors", {"metrics_addresses": []}),
        ):
            shown = await open_options(self.hass, self.entry, form)
            result = await self.hass.config_entries.options.async_configure(
                shown["flow_id"], typed
            )
            assert result["type"] is FlowResultType.CREATE_ENTRY
            await settle(self.hass)

    async def _have_people_log_in(self) -> None:
        """Add a login hostname, which stays because somebody got in; somebody else gets in, too."""
        url = await begin_trial(self.hass, self.entry, HOME)
        token = await token_of(self.sandbox)
        status, _ = await visit(self.hass, self.visitor, url, token)
        assert status == 200
        await wait_for_refresh(self.hass, self.freezer, LOG_EVERY)
        log_in(self.sandbox)
        log_in(self.sandbox, PARTNER)
        await wait_for_refresh(self.hass, self.freezer, LOG_EVERY)

    async def _have_requests_arrive(self) -> None:
        """Have the phone and its app come, and somebody without a certificate."""
        _, renewed, *_ = certificates(self.sandbox)
        await self.come(HOSTNAME, renewed)
        app = register_app(self.hass, "Pixel 8")
        await app.send(self.visitor, self._headers(HOSTNAME, renewed))
        await self.come(HOSTNAME)

    async def begin_hostname(self) -> None:
        """Remember a hostname as begun that is there by now, as if Home Assistant had stopped then."""
        settings = hostnames_of(self.entry.subentries).values()
        (limited,) = (item for item in settings if item.hostname == LIMITED)
        begun = await async_get_begun_hostnames(self.hass, self.entry.entry_id)
        await begun.async_remember(limited)

    async def come(self, hostname: str, certificate_id: str | None = None) -> None:
        """Open a page of the integration, with a certificate or without one."""
        headers = self._headers(hostname, certificate_id)
        await self.visitor.get(TEST_PATH, headers=headers)
        await settle(self.hass)

    def _headers(self, hostname: str, certificate_id: str | None) -> dict[str, str]:
        listed = zone_of(self.sandbox).certificates
        shown = certificate_id and fingerprint_of(listed[certificate_id].certificate)
        return {**told_headers(self.sandbox, shown), "Host": hostname}


async def begin_trial(hass: HomeAssistant, entry: Any, hostname: str) -> str:
    """Have a hostname ask for a login, as a trial; return the link that ends it well."""
    result = await add_login(hass, entry)
    for typed in ({"hostname": hostname}, {"own_email": OWNER}, RULES):
        result = await submit(hass, result, typed)
    assert result["step_id"] == "preview", result
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.EXTERNAL_STEP, result
    return str(result["url"])
