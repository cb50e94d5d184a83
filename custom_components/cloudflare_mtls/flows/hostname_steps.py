"""The steps of a flow that protect a hostname, for a new account and for a further hostname."""

from abc import abstractmethod
import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final, override

from homeassistant.data_entry_flow import FlowContext, FlowResult, section
from homeassistant.helpers.hassio import is_hassio
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..account import async_get_account_state
from ..const import (
    CONF_EXEMPT_PATHS,
    CONF_HOSTNAME,
    CONF_KEEP_IN_SYNC,
    CONF_LAYOUT,
    CONF_SERVICE,
    CONF_TAKE_OVER,
    CONF_TUNNEL_ID,
    CONF_ZONE_ID,
)
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import EngineError, Permission, PermissionMissing
from ..engine.api.models import Observation, Tunnel, Zone
from ..engine.permissions import NEEDED, OPTIONAL, Allowance, find_permissions
from ..engine.sync.dry_runs import SkipDryRuns
from ..engine.sync.observe import observe
from ..engine.sync.plan import Plan
from ..engine.sync.problems import ProblemCode
from ..engine.sync.reconciler import Extent, Reconciler
from ..engine.sync.settings import (
    HostnameSettings,
    Layout,
    ProtectedHostname,
    in_zone,
    is_exempt_path,
    is_service,
    propose,
    read_hostname,
)
from ..engine.sync.steps import Step
from ..wording import (
    Description,
    async_get_texts,
    changes_of,
    describe,
    describe_problem,
)
from .form import Complaint, choice
from .tunnel_steps import NEW_TUNNEL, TunnelSteps

SECTION_ADVANCED: Final = "advanced"

ADVANCED_SCHEMA: Final = {
    probatio.Required(SECTION_ADVANCED): section(
        probatio.Schema(
            {
                probatio.Required(
                    CONF_LAYOUT, default=Layout.SKIP_AND_BLOCK.value
                ): SelectSelector(
                    SelectSelectorConfig(
                        options=[layout.value for layout in Layout],
                        translation_key=CONF_LAYOUT,
                    )
                ),
                probatio.Optional(CONF_EXEMPT_PATHS, default=list): TextSelector(
                    TextSelectorConfig(multiple=True)
                ),
                probatio.Required(CONF_KEEP_IN_SYNC, default=True): BooleanSelector(),
            }
        ),
        {"collapsed": True},
    )
}
_NO_FIELDS: Final = probatio.Schema({})


class HostnameSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    TunnelSteps[ContextT, ResultT, HandlerT]
):
    """Zone and tunnel, hostname, preview, and only then the changes at Cloudflare."""

    _zones: Mapping[str, Zone]
    _existing: tuple[HostnameSettings, ...] = ()
    # As it is so far, where a hostname is changed.
    _current: HostnameSettings | None = None
    _takes_over = True
    _permissions = ""

    _zone: Zone
    _observation: Observation
    _settings: HostnameSettings
    _plan: Plan
    _applying: asyncio.Task[Description | None] | None = None

    @abstractmethod
    async def async_finish(self) -> ResultT:
        """Keep the hostname, now that it is protected."""

    async def async_load_account(
        self, client: CloudflareClient, account_id: str, zones: Iterable[Zone]
    ) -> Description | None:
        """Take the account, and return what keeps the flow from going on with it."""
        self._client, self._account_id = client, account_id
        self._skip_dry_runs = SkipDryRuns()
        self._zones = {item.id: item for item in zones if item.account.id == account_id}
        if not self._zones:
            return "no_zone", {}
        try:
            tunnels = await client.tunnels.list(account_id)
        except EngineError as err:
            return describe(err)
        self._tunnels = {item.id: item for item in tunnels}
        return None

    async def async_step_zone(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Choose the zone and the tunnel."""
        complaint: Complaint | None = None
        if user_input is not None:
            self._zone = self._zones[user_input[CONF_ZONE_ID]]
            tunnel = self._tunnels.get(user_input[CONF_TUNNEL_ID])
            complaint = await self._look_at(self._zone, tunnel)
            if complaint is None:
                return await self._async_choose(tunnel)
        return self._show_zone(user_input, complaint)

    async def _async_choose(self, tunnel: Tunnel | None) -> ResultT:
        if tunnel is None:
            return await self.async_step_new_tunnel()
        self._tunnel = tunnel
        if tunnel.never_connected:
            return await self.async_step_no_connector()
        return await self.async_step_hostname()

    @override
    async def async_use_tunnel(self) -> ResultT:
        if complaint := await self._look_at(self._zone, self._tunnel):
            chosen = {CONF_ZONE_ID: self._zone.id, CONF_TUNNEL_ID: self._tunnel.id}
            return self._show_zone(chosen, complaint)
        return await self.async_step_hostname()

    def _show_zone(
        self, user_input: Mapping[str, Any] | None, complaint: Complaint | None
    ) -> ResultT:
        zones = {item.id: item.name for item in self._zones.values()}
        tunnels = {item.id: item.name for item in self._tunnels.values()}
        tunnels[NEW_TUNNEL] = NEW_TUNNEL
        schema = probatio.Schema(
            {
                probatio.Required(CONF_ZONE_ID, default=next(iter(zones))): choice(
                    zones
                ),
                probatio.Required(CONF_TUNNEL_ID, default=next(iter(tunnels))): choice(
                    tunnels, CONF_TUNNEL_ID
                ),
            }
        )
        return self._show(
            "zone", schema, user_input, complaint, permissions=self._permissions
        )

    async def async_step_hostname(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Choose the hostname and where it leads."""
        complaint: Complaint | None = None
        if user_input is not None:
            complaint = self._read(user_input) or await self._make_plan()
            if complaint is None:
                return await self.async_review()
        hostname, service = self._proposal()
        schema = {
            probatio.Required(
                CONF_HOSTNAME, default=hostname or probatio.UNDEFINED
            ): TextSelector(),
            probatio.Required(CONF_SERVICE, default=service): TextSelector(),
            **ADVANCED_SCHEMA,
        }
        return self._show(
            "hostname",
            probatio.Schema(schema),
            user_input,
            complaint,
            zone=self._observation.zone.name,
        )

    async def async_review(self) -> ResultT:
        """Show what will change, after the offer to take over what was made by hand."""
        if self._plan.takes_over:
            return await self.async_step_take_over()
        return await self.async_step_preview()

    async def async_step_take_over(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Offer to make what was made by hand for the hostname ours."""
        complaint: Complaint | None = None
        if user_input is not None:
            self._takes_over = user_input[CONF_TAKE_OVER]
            complaint = await self._make_plan()
            if complaint is None:
                return await self.async_step_preview()
        found = [step for step in self._plan.steps if step.action.takes_over]
        schema = {probatio.Required(CONF_TAKE_OVER, default=True): BooleanSelector()}
        return await self._show_changes(
            "take_over", complaint, found, probatio.Schema(schema)
        )

    async def async_step_preview(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show what will change at Cloudflare: so far, nothing has."""
        if user_input is not None:
            return await self.async_step_create()
        return await self._show_changes("preview", None, self._plan.steps)

    async def async_step_resume(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Go on with what is left of the changes."""
        return await self.async_step_create()

    async def async_step_create(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Make the changes."""
        if self._applying is None:
            self._applying = self.hass.async_create_task(self._apply())
        if not self._applying.done():
            return self.async_show_progress(
                step_id="create",
                progress_action="create",
                description_placeholders={"hostname": self._settings.hostname},
                progress_task=self.seen_to_end(self._applying),
            )
        return self.async_show_progress_done(next_step_id="done")

    async def async_step_done(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Keep the hostname, or show what stopped the changes and what is left to do."""
        task, self._applying = self._applying, None
        if task is None or (error := task.result()) is None:
            return await self.async_finish()
        # What is left is planned anew; if it cannot be seen now, the list stays.
        await self._make_plan()
        return await self._show_changes("resume", ("base", error), self._plan.steps)

    def async_remove(self) -> None:
        """Stop between two changes when the dialog is closed: every prefix is safe."""
        if self._applying:
            self._applying.cancel()

    async def _look_at(self, zone: Zone, tunnel: Tunnel | None) -> Complaint | None:
        """Read everything once, so that a missing permission shows before it matters."""
        tunnel_ids = [tunnel.id] if tunnel else []
        try:
            await self._look_at_permissions(zone)
            self._observation = await observe(
                self._client, self._account_id, zone.id, tunnel_ids
            )
        except EngineError as err:
            return "base", describe(err)
        if not self._observation.zone.active:
            return CONF_ZONE_ID, ("zone_not_active", {"zone": zone.name})
        if tunnel and tunnel.id not in self._observation.configurations:
            return CONF_TUNNEL_ID, ("tunnel_managed_locally", {"tunnel": tunnel.name})
        return None

    async def _look_at_permissions(self, zone: Zone) -> None:
        """List what the token may and may not do; raise EngineError where that is too little."""
        self._permissions = ""
        found = await find_permissions(self._client, self._account_id, zone.id)
        text = await async_get_texts(self.hass, "common")
        lines = [
            f"| {permission} | {text(_word_for(permission, allowance))} |"
            for permission, allowance in found.items()
        ]
        self._permissions = "\n".join(
            ["", "", text("permissions"), "|---|---|", *lines]
        )
        for permission in NEEDED:
            if found[permission] is Allowance.NO:
                raise PermissionMissing(permission)

    def _proposal(self) -> tuple[str, str]:
        """Return a hostname and a service that fit what the tunnel serves already."""
        port = self.hass.http.server_port
        scheme = "https" if self.hass.http.ssl_certificate else "http"
        # The name that the Supervisor gives Home Assistant in the network of its apps.
        host = "homeassistant" if is_hassio(self.hass) else "homeassistant.local"
        zone = self._observation.zone
        ingress = self._observation.configurations[self._tunnel.id].ingress
        taken = {item.hostname for item in self._existing}
        fallback = f"ha-mobile.{zone.name}"
        return propose(
            zone, ingress, origins=(f":{port}", "homeassistant"), taken=taken
        ) or (
            "" if fallback in taken else fallback,
            f"{scheme}://{host}:{port}",
        )

    def _read(self, user_input: Mapping[str, Any]) -> Complaint | None:
        """Take what a person typed, or return what is wrong with it."""
        zone = self._observation.zone
        advanced = user_input[SECTION_ADVANCED]
        hostname = read_hostname(user_input[CONF_HOSTNAME])
        service = user_input[CONF_SERVICE].strip()
        paths = tuple(path.strip() for path in advanced.get(CONF_EXEMPT_PATHS, ()))
        if hostname is None:
            return CONF_HOSTNAME, ("hostname_malformed", {})
        if not in_zone(hostname, zone):
            return CONF_HOSTNAME, ("hostname_outside_zone", {"zone": zone.name})
        if any(item.hostname == hostname for item in self._existing):
            return CONF_HOSTNAME, ("hostname_protected", {"hostname": hostname})
        if not is_service(service):
            return CONF_SERVICE, ("service_malformed", {})
        if wrong := next((path for path in paths if not is_exempt_path(path)), None):
            return "base", ("exempt_path_malformed", {"path": wrong})
        own = self._observation.configurations[self._tunnel.id].rule_for(hostname)
        services = {service}
        if self._current:
            services.add(self._current.protected.service)
        if own and own.service not in services:
            return CONF_HOSTNAME, _in_use(hostname, own.service)
        self._settings = HostnameSettings(
            zone_id=zone.id,
            protected=ProtectedHostname(
                hostname=hostname,
                tunnel_id=self._tunnel.id,
                service=service,
                layout=Layout(advanced[CONF_LAYOUT]),
                exempt_paths=paths,
                published=self._current is None or self._current.protected.published,
            ),
            keep_in_sync=advanced[CONF_KEEP_IN_SYNC],
        )
        return None

    async def _make_plan(self) -> Complaint | None:
        """Plan the changes, or return what only a person can clear away first."""
        try:
            self._plan = await self._reconciler().plan(
                self._settings.zone_id, self._extent
            )
        except EngineError as err:
            return "base", describe(err)
        for problem in self._plan.problems:
            if problem.code is ProblemCode.RECORD_IN_THE_WAY:
                return CONF_HOSTNAME, _in_use(problem.target, problem.detail)
            return "base", describe_problem(problem)
        return None

    async def _apply(self) -> Description | None:
        """Carry the plan out; return what stopped it."""
        try:
            zones = await self._reconciler().sync(self._extent)
            for zone in zones.values():
                zone.raise_if_stopped()
        except EngineError as err:
            return describe(err)
        return None

    @property
    def _extent(self) -> Extent:
        return Extent(hostnames={self._settings.hostname}, takes_over=self._takes_over)

    def _reconciler(self) -> Reconciler:
        return Reconciler(
            client=self._client,
            account_id=self._account_id,
            hostnames=(self._settings,),
            writing=async_get_account_state(self.hass, self._account_id).writing,
            skip_dry_runs=self._skip_dry_runs,
        )

    async def _show_changes(
        self,
        step_id: str,
        complaint: Complaint | None,
        steps: Iterable[Step],
        schema: probatio.Schema = _NO_FIELDS,
    ) -> ResultT:
        text = await async_get_texts(self.hass, "common")
        return self._show(
            step_id,
            schema,
            None,
            complaint,
            hostname=self._settings.hostname,
            changes=changes_of(text, self._settings.hostname, steps),
            permissions=self._permissions,
        )


def _word_for(permission: Permission, allowance: Allowance) -> str:
    """Return the key of the words that say whether a token may."""
    if allowance is Allowance.NO and permission in OPTIONAL:
        return "permission_off"
    return f"permission_{allowance}"


def _in_use(hostname: str, by: str) -> Description:
    return "hostname_in_use", {"hostname": hostname, "by": by}
