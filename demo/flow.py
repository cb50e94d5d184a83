"""A config flow, driven as the front end drives it."""

from typing import Any, Self

from .home_assistant import DOMAIN, JSON, Client, Socket
from .report import expect, expect_equal, until

_PATH = "/api/config/config_entries/flow"


class Flow:
    """A dialog that somebody fills in."""

    def __init__(self, client: Client, answer: JSON) -> None:
        """Begin with what the dialog shows first."""
        self.answer = answer
        self._client = client

    @classmethod
    async def start(cls, client: Client) -> Self:
        """Add the integration."""
        return cls(client, await client.post(_PATH, {"handler": DOMAIN}))

    async def submit(self, **fields: Any) -> None:
        """Submit the form that is shown, with its defaults where no field is given."""
        self.answer = await self._client.post(self._path, self.defaults | fields)

    @property
    def defaults(self) -> JSON:
        """Return what the form that is shown proposes."""
        return _defaults(self.answer["data_schema"])

    async def until_shown(self, socket: Socket) -> None:
        """Wait until it shows something else than progress."""
        if self.answer["type"] != "progress":
            return

        async def has_progressed() -> bool | None:
            told = (
                event["data"]["flow_id"] == self.answer["flow_id"]
                for event in socket.events
                if event["event_type"] == "data_entry_flow_progressed"
            )
            return True if any(told) else None

        # Home Assistant takes the next step itself; to ask earlier would be to take it twice.
        await until("the progress", has_progressed)
        self.answer = await self._client.get(self._path)

    async def give_up(self) -> None:
        """Close the dialog."""
        await self._client.delete(self._path)

    def expect_step(self, step: str) -> None:
        """Raise Unmet unless this step is shown, without an error."""
        shown = self.answer.get("step_id"), self.answer.get("errors") or {}
        expect_equal(shown, (step, {}), "the step of the flow, with its errors,")

    def sentence(self, texts: JSON) -> str:
        """Return the one error that is shown, as a person reads it."""
        keys = list((self.answer.get("errors") or {}).values())
        expect(len(keys) == 1, f"{self.answer.get('step_id')} shows the errors {keys}")
        text: str = texts[f"component.{DOMAIN}.config.error.{keys[0]}"]
        return text.format(**(self.answer["description_placeholders"] or {}))

    @property
    def _path(self) -> str:
        return f"{_PATH}/{self.answer['flow_id']}"


def _defaults(schema: list[JSON]) -> JSON:
    fields: JSON = {}
    for field in schema:
        if field.get("type") == "expandable":
            fields[field["name"]] = _defaults(field["schema"])
        elif "default" in field:
            fields[field["name"]] = field["default"]
    return fields
