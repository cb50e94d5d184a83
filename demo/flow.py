"""The dialogs of the integration, filled in over the API that the front end uses."""

from typing import Any, Self

from .home_assistant import DOMAIN, JSON, Client, Socket
from .report import expect, expect_equal, until

_ACCOUNTS = "/api/config/config_entries/flow"
_SUBENTRIES = "/api/config/config_entries/subentries/flow"
_REPAIRS = "/api/repairs/issues/fix"


class Flow:
    """An open dialog."""

    def __init__(self, client: Client, dialogs: str, answer: JSON) -> None:
        """Create it from the dialog's first answer."""
        self.answer = answer
        self._client = client
        self._dialogs = dialogs
        self._progresses_seen = 0

    @classmethod
    async def start(cls, client: Client) -> Self:
        """Open the dialog that adds the integration."""
        answer = await client.post(_ACCOUNTS, {"handler": DOMAIN})
        return cls(client, _ACCOUNTS, answer)

    @classmethod
    async def add(cls, client: Client, entry_id: str, kind: str) -> Self:
        """Open the dialog that adds a subentry to an account."""
        answer = await client.post(_SUBENTRIES, {"handler": [entry_id, kind]})
        return cls(client, _SUBENTRIES, answer)

    @classmethod
    async def reconfigure(
        cls, client: Client, entry_id: str, kind: str, subentry_id: str
    ) -> Self:
        """Open the dialog that reconfigures a subentry of an account."""
        which = {"handler": [entry_id, kind], "subentry_id": subentry_id}
        return cls(client, _SUBENTRIES, await client.post(_SUBENTRIES, which))

    @classmethod
    async def repair(cls, client: Client, issue_id: str) -> Self:
        """Open the dialog of a repair."""
        which = {"handler": DOMAIN, "issue_id": issue_id}
        return cls(client, _REPAIRS, await client.post(_REPAIRS, which))

    async def submit(self, **fields: Any) -> None:
        """Submit the shown form; fields that are not given keep their defaults."""
        self.answer = await self._client.post(self._path, self.defaults | fields)

    async def choose(self, option: str) -> None:
        """Choose an option of the shown menu."""
        choice = {"next_step_id": option}
        self.answer = await self._client.post(self._path, choice)

    @property
    def defaults(self) -> JSON:
        """Return the defaults of the shown form."""
        return _defaults(self.answer["data_schema"])

    async def until_shown(self, socket: Socket) -> None:
        """Wait until the dialog shows a step that is not a progress."""
        if self.answer["type"] != "progress":
            return

        async def has_progressed() -> bool | None:
            progressed = [
                event
                for event in socket.events
                if event["event_type"] == "data_entry_flow_progressed"
                and event["data"]["flow_id"] == self.answer["flow_id"]
            ]
            return True if len(progressed) > self._progresses_seen else None

        # Home Assistant takes the next step itself; asking before that would take it twice.
        await until("the progress", has_progressed, seconds=60)
        self._progresses_seen += 1
        self.answer = await self._client.get(self._path)

    async def close(self) -> None:
        """Close the dialog."""
        await self._client.delete(self._path)

    def expect_step(self, step: str) -> None:
        """Raise CheckFailed unless this step is shown without errors."""
        shown = self.answer.get("step_id"), self.answer.get("errors") or {}
        expect_equal(shown, (step, {}), "the step of the flow, with its errors,")

    def error_text(self, texts: JSON) -> str:
        """Return the text of the only error that is shown."""
        keys = list((self.answer.get("errors") or {}).values())
        expect(len(keys) == 1, f"{self.answer.get('step_id')} shows the errors {keys}")
        text: str = texts[f"component.{DOMAIN}.config.error.{keys[0]}"]
        return text.format(**(self.answer["description_placeholders"] or {}))

    @property
    def _path(self) -> str:
        return f"{self._dialogs}/{self.answer['flow_id']}"


def _defaults(schema: list[JSON]) -> JSON:
    fields: JSON = {}
    for field in schema:
        if field.get("type") == "expandable":
            fields[field["name"]] = _defaults(field["schema"])
        elif "default" in field:
            fields[field["name"]] = field["default"]
    return fields
