"""A real Home Assistant: its process, and its HTTP and WebSocket API."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import json
from pathlib import Path
import secrets
import shutil
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import ClientConnectionError, ClientSession, ClientWebSocketResponse

from .processes import HOST, REPOSITORY, Program, free_port
from .report import expect, expect_equal, until

JSON = dict[str, Any]

DOMAIN = "cloudflare_mtls"
SCRIPT = "give_certificate"
# For what counts as over after a time.
LONG_AGO = "2026-01-01T00:00:00+00:00"

# The most verbose logs, so that the search for secrets sees everything that can be logged.
CONFIGURATION = f"""
config:
frontend:
history:
logbook:
recorder:
logger:
  default: info
  logs:
    aiohttp.access: info
    cloudflare: debug
    custom_components.{DOMAIN}: debug
    homeassistant.components.http: debug
    homeassistant.helpers.http: debug
automation: !include automations.yaml
script: !include scripts.yaml
scene: !include scenes.yaml
"""

# The editors of the front end write these files.
_AUTOMATIONS = "[]\n"
_SCENES = "[]\n"
_SCRIPTS = f"""
{SCRIPT}:
  alias: Give certificate
  sequence:
    - action: {DOMAIN}.mint_certificate
      data:
        config_entry_id: "{{{{ config_entry_id }}}}"
        name: Tablet
        key_type: ec_p256
        bundle: modern
      response_variable: created
    - stop: Return the link to the bundle
      response_variable: created
"""


@dataclass(frozen=True)
class User:
    """A Home Assistant user with a password."""

    name: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))


@dataclass
class Received:
    """Everything that Home Assistant sent to clients, to be searched for secrets."""

    answers: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)


class Client:
    """A client of Home Assistant's HTTP API."""

    def __init__(self, url: str, received: Received, token: str = "") -> None:
        """Create a client; without an access token it is not logged in."""
        self.url = url
        self.received = received
        self._token = token

    async def get(self, path: str) -> Any:
        """Send a GET request."""
        return await self._request("GET", path)

    async def post(self, path: str, body: JSON | None = None) -> Any:
        """Send a POST request with JSON."""
        return await self._request("POST", path, json=body or {})

    async def delete(self, path: str) -> Any:
        """Send a DELETE request."""
        return await self._request("DELETE", path)

    async def act(self, action: str, **data: Any) -> JSON:
        """Perform an action and return its response."""
        domain, _, name = action.partition(".")
        path = f"/api/services/{domain}/{name}?return_response"
        response: JSON = (await self.post(path, data))["service_response"]
        return response

    async def refusal(self, action: str, data: JSON, *, returns: bool = True) -> int:
        """Try an action that should be refused, and return the status."""
        path = f"/api/services/{action.replace('.', '/')}"
        if returns:
            path = f"{path}?return_response"
        status, _ = await self._send("POST", path, json=data)
        return status

    async def state(self, entity_id: str) -> str:
        """Return the state of an entity."""
        state: str = (await self.get(f"/api/states/{entity_id}"))["state"]
        return state

    async def exchange_code(self, code: str) -> Client:
        """Log in with an authorization code, and return the client."""
        form = {"grant_type": "authorization_code", "code": code, **self._client_id}
        tokens = await self._request("POST", "/auth/token", data=form)
        return Client(self.url, self.received, tokens["access_token"])

    async def log_in(self, user: User) -> Client:
        """Log in with name and password, and return the client."""
        return await self.exchange_code(await self.authorize(user))

    async def authorize(self, user: User, *, address: str | None = None) -> str:
        """Log in with name and password, for who comes by an address; return the authorization code."""
        client_id = {"client_id": f"{address or self.url}/"}
        flow = await self.post(
            "/auth/login_flow",
            {
                **client_id,
                "handler": ["homeassistant", None],
                "redirect_uri": f"{address or self.url}/",
            },
        )
        credentials = {"username": user.name, "password": user.password}
        done = await self.post(
            f"/auth/login_flow/{flow['flow_id']}", {**client_id, **credentials}
        )
        code: str = done["result"]
        return code

    async def onboard(self, user: User, language: str) -> Client:
        """Complete the onboarding as the first user, and return that user's client.

        Areas and dashboards that Home Assistant adds on the way have names in the language.
        """
        created = await self.post(
            "/api/onboarding/users",
            {
                **self._client_id,
                "name": user.name.title(),
                "username": user.name,
                "password": user.password,
                "language": language,
            },
        )
        client = await self.exchange_code(created["auth_code"])
        socket = await client.connect()
        await socket.command("config/core/update", language=language)
        await socket.close()
        await client.post("/api/onboarding/analytics")
        await client.post(
            "/api/onboarding/integration",
            {**self._client_id, "redirect_uri": f"{self.url}/"},
        )
        return client

    async def connect(self) -> Socket:
        """Open a WebSocket connection and log in."""
        session = ClientSession()
        connection = await session.ws_connect(
            f"{self.url}/api/websocket", max_msg_size=0
        )
        await self.log_in_on(connection)
        return Socket(session, connection, self.received)

    async def log_in_on(self, connection: ClientWebSocketResponse) -> None:
        """Log in on a WebSocket connection, as the app does."""
        greeting = await connection.receive_json()
        expect_equal(greeting["type"], "auth_required", "the greeting")
        await connection.send_json({"type": "auth", "access_token": self._token})
        welcome = await connection.receive_json()
        expect_equal(welcome["type"], "auth_ok", "the answer to the login")

    @property
    def _client_id(self) -> JSON:
        return {"client_id": f"{self.url}/"}

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        status, text = await self._send(method, path, **options)
        expect(status < 400, f"{method} {path}: {status} {text}")
        return json.loads(text)

    async def _send(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        async with (
            ClientSession(headers=headers) as session,
            session.request(method, f"{self.url}{path}", **options) as response,
        ):
            text = await response.text()
        self.received.answers.append(text)
        return response.status, text


class Socket:
    """A WebSocket connection that sends commands and collects all events."""

    def __init__(
        self,
        session: ClientSession,
        connection: ClientWebSocketResponse,
        received: Received,
    ) -> None:
        """Start listening on a logged-in connection."""
        self._session = session
        self._connection = connection
        self._received = received
        self._results: dict[int, asyncio.Future[JSON]] = {}
        self._listening = asyncio.create_task(self._listen())
        self.events: list[JSON] = []

    async def close(self) -> None:
        """Stop listening and close the connection."""
        self._listening.cancel()
        await self._connection.close()
        await self._session.close()

    async def command(self, kind: str, **fields: Any) -> Any:
        """Send a command and return its result."""
        number = len(self._results) + 1
        self._results[number] = asyncio.get_running_loop().create_future()
        await self._connection.send_json({"id": number, "type": kind, **fields})
        async with asyncio.timeout(30):
            message = await self._results[number]
        expect(message["success"], f"{kind}: {message.get('error')}")
        return message["result"]

    def states_of(self, entity_id: str) -> list[str]:
        """Return the states of an entity since the subscription to events."""
        return [
            event["data"]["new_state"]["state"]
            for event in self.events
            if event["event_type"] == "state_changed"
            and event["data"]["entity_id"] == entity_id
            and event["data"]["new_state"]
        ]

    async def _listen(self) -> None:
        async for frame in self._connection:
            messages = frame.json()
            for message in messages if isinstance(messages, list) else [messages]:
                text = json.dumps(message)
                if message["type"] == "event":
                    self._received.events.append(text)
                    self.events.append(message["event"])
                else:
                    self._received.answers.append(text)
                    self._results[message["id"]].set_result(message)


class HomeAssistant:
    """A Home Assistant process with its own configuration folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Prepare a new installation that includes the integration."""
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        # Phones cannot open an address of this machine alone, so none is sent there.
        self.local_url = "http://homeassistant.home.arpa:8123"
        self.mapping = f"MAP {urlsplit(self.local_url).netloc} {HOST}:{port}"
        """What makes a browser find it at that address."""
        self.folder = folder / "config"
        self.console = folder / "home-assistant.log"
        self.received = Received()
        self._earlier_logs: list[str] = []
        self._program = Program(
            "Home Assistant",
            *("scripts/home-assistant", "--config", str(self.folder)),
            output=self.console,
            environment=environment,
        )
        _write_configuration(self.folder, port)

    async def __aenter__(self) -> Self:
        """Enter the block, at the end of which it is stopped."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it."""
        await self.stop()

    async def start(self) -> None:
        """Start it; the first start takes minutes, because it installs requirements."""
        if self._log.exists():
            # Home Assistant itself keeps only the last two logs.
            self._earlier_logs.append(self.log())
        await self._program.start()
        await self._program.until_ready(self._is_serving, seconds=900)

    async def stop(self) -> None:
        """Stop it; after that, everything is written to storage."""
        await self._program.stop()

    async def kill(self) -> None:
        """Kill it, so that it cannot write anything more."""
        await self._program.kill()

    async def until_running(self, client: Client) -> None:
        """Wait until all integrations are set up."""

        async def is_running() -> bool | None:
            config = await client.get("/api/config")
            return True if config["state"] == "RUNNING" else None

        await self._program.until_ready(is_running, seconds=900)

    def anonymous(self) -> Client:
        """Return a client that is not logged in."""
        return Client(self.url, self.received)

    def log(self) -> str:
        """Return the log since the last start."""
        return self._log.read_text()

    def logs(self) -> list[str]:
        """Return the logs of all starts."""
        return [*self._earlier_logs, self.log()]

    def stored(self, key: str) -> JSON:
        """Return the stored data of a storage key."""
        content = json.loads((self.folder / ".storage" / key).read_text())
        data: JSON = content["data"]
        return data

    def change_stored(self, key: str, change: Callable[[JSON], None]) -> None:
        """Change the stored data of a storage key, while Home Assistant is stopped."""
        path = self.folder / ".storage" / key
        stored = json.loads(path.read_text())
        change(stored["data"])
        path.write_text(json.dumps(stored))

    async def until_logged(self, text: str) -> None:
        """Wait until a text is in the log."""

        async def is_there() -> bool | None:
            return True if text in self.log() else None

        await until(f"{text} in the log", is_there)

    @property
    def _log(self) -> Path:
        return self.folder / "home-assistant.log"

    async def _is_serving(self) -> bool | None:
        try:
            async with (
                ClientSession() as session,
                session.get(f"{self.url}/manifest.json") as response,
            ):
                return True if response.ok else None
        except ClientConnectionError:
            return None


def _write_configuration(folder: Path, port: int) -> None:
    components = folder / "custom_components"
    components.mkdir(parents=True)
    (components / DOMAIN).symlink_to(REPOSITORY / "custom_components" / DOMAIN)
    (folder / "configuration.yaml").write_text(CONFIGURATION)
    (folder / "automations.yaml").write_text(_AUTOMATIONS)
    (folder / "scripts.yaml").write_text(_SCRIPTS)
    (folder / "scenes.yaml").write_text(_SCENES)
    # Home Assistant follows no link in this folder.
    shutil.copytree(REPOSITORY / "blueprints", folder / "blueprints")
    # Trust the proxy. In YAML, these settings would only be tried for five minutes.
    _store(
        folder,
        "http",
        version=2,
        minor_version=2,
        data={
            "stable": {
                "server_host": [HOST],
                "server_port": port,
                "use_x_forwarded_for": True,
                "trusted_proxies": [f"{HOST}/32"],
                "cors_allowed_origins": [],
                "login_attempts_threshold": -1,
                "ip_ban_enabled": True,
                "ssl_profile": "modern",
                "use_x_frame_options": True,
                "created_at": "2026-11-01T00:00:00+00:00",
                "error": None,
                "error_message": None,
            },
            "pending": None,
            "yaml_migration_done": True,
        },
    )
    # Skip this onboarding step, which adds a weather service and an internet radio.
    _store(
        folder, "onboarding", version=4, minor_version=1, data={"done": ["core_config"]}
    )


def _store(
    folder: Path, key: str, *, version: int, minor_version: int, data: JSON
) -> None:
    path = folder / ".storage" / key
    path.parent.mkdir(exist_ok=True)
    content = {"version": version, "minor_version": minor_version, "key": key}
    path.write_text(json.dumps({**content, "data": data}))
