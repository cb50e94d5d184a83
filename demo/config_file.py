"""A cloudflared with its own config.yml, which a person edits: it reads the file when it starts."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import indent

from homeassistant.util.yaml import dump, parse_yaml

from .cloudflare import JSON, Cloudflare
from .report import CheckFailed


class ConfigFile:
    """A config.yml, and the connector that runs a tunnel with it."""

    def __init__(self, path: Path, cloudflare: Cloudflare, tunnel_id: str) -> None:
        """Take the place of the file, and the tunnel."""
        self._path = path
        self._cloudflare = cloudflare
        self._tunnel_id = tunnel_id

    def create(self, ingress: list[JSON]) -> None:
        """Write the file as the guides do, with these ingress rules."""
        head = {
            "tunnel": self._tunnel_id,
            "credentials-file": f"/root/.cloudflared/{self._tunnel_id}.json",
        }
        # Rules stand two blanks further than their key, as people write them.
        rules = indent(dump(ingress), "  ")
        self._path.write_text(f"{dump(head)}ingress:\n{rules}")

    def create_again(self, text: str) -> None:
        """Put the file back as it was."""
        self._path.write_text(text)

    @property
    def text(self) -> str:
        """Return the file as it is now."""
        return self._path.read_text()

    def add_above_the_last_rule(self, lines: str) -> None:
        """Paste lines where the dialog says."""
        *above, last = self._rules()
        self._write([*above, lines, last])

    def add_below_the_last_rule(self, lines: str) -> None:
        """Paste lines where they must not be."""
        self._write([*self._rules(), lines])

    def remove(self, hostname: str) -> None:
        """Take the rule of a hostname out."""
        self._write([rule for rule in self._rules() if hostname not in rule])

    async def restart(self) -> None:
        """Restart cloudflared; raise CheckFailed where it refuses the file."""
        content = parse_yaml(self.text)
        if not isinstance(content, Mapping):
            raise CheckFailed(f"the file is {content!r}")
        path = f"tunnels/{self._tunnel_id}/config_file"
        ingress = {"ingress": content["ingress"]}
        await self._cloudflare.control("POST", path, ingress)

    def _rules(self) -> list[str]:
        """Return the ingress rules as they are written."""
        _, _, rules = self.text.partition("ingress:\n")
        return [f"  - {rule.rstrip()}" for rule in rules.split("  - ")[1:]]

    def _write(self, rules: list[str]) -> None:
        head, key, _ = self.text.partition("ingress:\n")
        self._path.write_text(f"{head}{key}{'\n'.join(rules)}\n")
