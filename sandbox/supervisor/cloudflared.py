"""The Home Assistant app Cloudflared, as far as others notice it.

Source: homeassistant-apps/app-cloudflared at 2026-01, config.yaml and prepare/run.sh; the texts
are its own.
"""

import base64
import binascii
from collections.abc import Mapping
import json
import re
from typing import Any, Self

from sandbox.active_config import InvalidServiceError, active_config
from sandbox.api.tunnels import checked_config
from sandbox.envelope import ApiError
from sandbox.metrics import MetricsServer, Process
from sandbox.state import State, Tunnel

from .app import App, Manifest, StartFailedError
from .dns_route import route_dns

SLUG = "9074a9fa_cloudflared"
METRICS_PORT = 36500
HOME_ASSISTANT = "http://homeassistant:8123"
DEFAULT_TUNNEL_NAME = "homeassistant"
PROXY_MANAGER = "http://a0d7b954-nginxproxymanager:80"

MANIFEST = Manifest(
    name="Cloudflared",
    url="https://github.com/homeassistant-apps/app-cloudflared",
    description="Use a Cloudflare Tunnel to remotely connect to Home Assistant without "
    "opening any ports",
    schema={
        "external_hostname": "str?",
        "additional_hosts": [
            {"hostname": "str", "service": "str", "disableChunkedEncoding": "bool?"}
        ],
        "tunnel_name": "str?",
        "catch_all_service": "str?",
        "nginx_proxy_manager": "bool?",
        "tunnel_token": "str?",
        "post_quantum": "bool?",
        "run_parameters": [
            "match(^(--edge-bind-address|--edge-ip-version|--grace-period|"
            "--ha-connections|--logfile|--loglevel|--pidfile|--protocol|--region|"
            "--retries|--tag)=.*$)?"
        ],
        "log_level": "list(trace|debug|info|notice|warning|error|fatal)?",
    },
    options={"external_hostname": "", "additional_hosts": []},
)
_LABEL = r"([a-z0-9äöüß]|[a-z0-9äöüß][a-z0-9äöüß\-]*[a-z0-9äöüß])"
_HOSTNAME = re.compile(rf"({_LABEL}\.)*([a-z0-9]|[a-z0-9][a-z0-9\-]*[a-z0-9])")
_NEEDED = (
    "external_hostname",
    "additional_hosts",
    "catch_all_service",
    "nginx_proxy_manager",
)


class Cloudflared(App):
    """The app: it writes a config file from its options, and runs cloudflared with it."""

    def __init__(
        self,
        state: State,
        options: Mapping[str, Any] | None = None,
        *,
        slug: str = SLUG,
        tunnel_id: str | None = None,
        zone_id: str | None = None,
        home_assistant: str = HOME_ASSISTANT,
    ) -> None:
        """Install the app, logged in to a zone, the first by default.

        Without the id of a tunnel that it made earlier, it makes one when it starts.
        """
        super().__init__(slug, MANIFEST, options)
        self.home_assistant = home_assistant
        """Where `external_hostname` leads: what the app takes for Home Assistant's address."""
        self.config: dict[str, Any] | None = None
        """The file that it wrote last."""
        self._state = state
        self._tunnel_id = tunnel_id
        self._zone = state.zones[zone_id or next(iter(state.zones))]
        self._process: Process | None = None
        self.metrics = MetricsServer(lambda: self._process, self.ip_address)
        self.metrics_port = METRICS_PORT

    @classmethod
    def that_runs(
        cls,
        state: State,
        tunnel_id: str,
        options: Mapping[str, Any] | None = None,
        *,
        slug: str = SLUG,
        zone_id: str | None = None,
        home_assistant: str = HOME_ASSISTANT,
    ) -> Self:
        """Install the app that made a tunnel: a file manages it from now on, and nothing else runs it."""
        tunnel = state.tunnels[tunnel_id]
        tunnel.config_src = "local"
        tunnel.forget()
        return cls(
            state,
            options,
            slug=slug,
            tunnel_id=tunnel_id,
            zone_id=zone_id,
            home_assistant=home_assistant,
        )

    @property
    def connector_id(self) -> str | None:
        """Return the id of the running connector."""
        return self._process.connector.id if self._process else None

    @property
    def tunnel(self) -> Tunnel | None:
        """Return the tunnel that the app made."""
        return self._state.tunnels.get(self._tunnel_id or "")

    async def run(self, options: Mapping[str, Any]) -> None:
        """Prepare what the options ask for, and connect."""
        if token := options.get("tunnel_token"):
            tunnel = self._tunnel_of(token)
            file = None
        else:
            _check(options)
            tunnel = self._own_tunnel(options.get("tunnel_name") or DEFAULT_TUNNEL_NAME)
            self.config = file = self._new_file(tunnel, options)
            for hostname in _hostnames(options):
                route_dns(self._zone, tunnel, hostname)
        await self._connect(tunnel, file)

    async def end(self) -> None:
        """Disconnect."""
        await self.metrics.stop()
        if self._process is not None:
            self._process.tunnel.forget(self._process.connector.id)
            self._process = None

    async def _connect(self, tunnel: Tunnel, file: dict[str, Any] | None) -> None:
        if file is not None and tunnel.config_src == "local":
            # Once Cloudflare manages a tunnel, cloudflared no longer obeys the file.
            tunnel.config = {"ingress": file["ingress"]}
        self._process = Process(tunnel, tunnel.add_connector(), file)
        await self.metrics.start(self.metrics_port)

    def _own_tunnel(self, name: str) -> Tunnel:
        account_id = self._zone.account_id
        tunnel = self.tunnel
        if tunnel is not None:
            if tunnel.deleted_at is not None or tunnel.name != name:
                raise StartFailedError(
                    "Existing Cloudflare Tunnel name does not match app (add-on) config."
                )
            return tunnel
        if any(
            each.name == name and each.deleted_at is None
            for each in self._state.tunnels.values()
            if each.account_id == account_id
        ):
            raise StartFailedError("Failed to create tunnel.")
        account = self._state.accounts[account_id]
        tunnel = self._state.add_tunnel(name, "local", account)
        self._tunnel_id = tunnel.id
        return tunnel

    def _tunnel_of(self, token: str) -> Tunnel:
        try:
            facts = json.loads(base64.b64decode(token, validate=True))
            tunnel = self._state.tunnels[facts["t"]]
        except ValueError, KeyError, TypeError, binascii.Error:
            raise StartFailedError("Provided Tunnel token is not valid.") from None
        if tunnel.deleted_at is not None or tunnel.secret != facts.get("s"):
            raise StartFailedError("Unauthorized: Invalid tunnel secret")
        return tunnel

    def _new_file(self, tunnel: Tunnel, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the file that the app writes; raise StartFailedError where cloudflared refuses it."""
        rules: list[dict[str, Any]] = []
        if hostname := options.get("external_hostname"):
            rules.append({"hostname": hostname, "service": self.home_assistant})
        for host in options["additional_hosts"]:
            rule = {key: host[key] for key in ("hostname", "service")}
            if "disableChunkedEncoding" in host:
                chunked = {"disableChunkedEncoding": host["disableChunkedEncoding"]}
                rule["originRequest"] = chunked
            rules.append(rule)
        rules.append({"service": _catch_all(options)})
        for rule in rules:
            rule["originRequest"] = {
                **rule.get("originRequest", {}),
                "noTLSVerify": True,
            }
        file = {
            "tunnel": tunnel.id,
            "credentials-file": "/data/tunnel.json",
            "ingress": rules,
        }
        try:
            active_config(checked_config(file))
        except ApiError, InvalidServiceError:
            raise StartFailedError(
                "Validation of Config failed, please check the logs above."
            ) from None
        return file


def _check(options: Mapping[str, Any]) -> None:
    """Raise StartFailedError for options that the app refuses."""
    if all(options.get(key) in (None, "", []) for key in _NEEDED):
        raise StartFailedError(
            "Cannot run without tunnel_token, external_hostname, additional_hosts, "
            "catch_all_service or nginx_proxy_manager. Please set at least one of these "
            "app (add-on) options."
        )
    for hostname in _hostnames(options):
        if not _HOSTNAME.fullmatch(hostname):
            raise StartFailedError(
                f"'{hostname}' is not a valid hostname. Please make sure not to include "
                "the protocol (e.g. 'https://') nor the port (e.g. ':8123') and only use "
                "lowercase characters in the 'hostname'."
            )
    for host in options["additional_hosts"]:
        if not host["service"]:
            raise StartFailedError(
                f"'service' in 'additional_hosts' for hostname {host['hostname']} is "
                "empty, please enter a valid String"
            )
    if options.get("catch_all_service") == "":
        raise StartFailedError(
            "'catch_all_service' is defined as an empty String. Please remove "
            "'catch_all_service' from the configuration or enter a valid String"
        )
    if options.get("catch_all_service") and options.get("nginx_proxy_manager"):
        raise StartFailedError(
            "The config includes 'nginx_proxy_manager' and 'catch_all_service'. Please "
            "delete one of them since they are mutually exclusive"
        )


def _hostnames(options: Mapping[str, Any]) -> list[str]:
    external = options.get("external_hostname")
    additional = [host["hostname"] for host in options["additional_hosts"]]
    return [external, *additional] if external else additional


def _catch_all(options: Mapping[str, Any]) -> str:
    if options.get("nginx_proxy_manager"):
        return PROXY_MANAGER
    service: str = options.get("catch_all_service") or "http_status:404"
    return service
