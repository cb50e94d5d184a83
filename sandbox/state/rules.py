"""Rulesets and their rules."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sandbox.clock import now

from .ids import new_id

REDIRECT_PHASE = "http_request_dynamic_redirect"
ORIGIN_PHASE = "http_request_origin"
FIREWALL_PHASE = "http_request_firewall_custom"
TRANSFORM_PHASE = "http_request_late_transform"


@dataclass
class Rule:
    """One rule of a ruleset."""

    action: str
    expression: str
    description: str | None = None
    enabled: bool = True
    action_parameters: dict[str, Any] | None = None
    logging: dict[str, Any] | None = None
    id: str = field(default_factory=new_id)
    ref: str = ""
    version: int = 1
    last_updated: datetime = field(default_factory=now)

    def __post_init__(self) -> None:
        """Use the id as the ref if none is given."""
        self.ref = self.ref or self.id


@dataclass
class Ruleset:
    """The rules of a zone for one phase, or custom ones that a rule of the phase executes."""

    phase: str
    rules: list[Rule] = field(default_factory=list)
    name: str = "default"
    description: str = ""
    kind: str = "zone"
    id: str = field(default_factory=new_id)
    version: int = 1
    last_updated: datetime = field(default_factory=now)
    earlier: list[Ruleset] = field(default_factory=list)
    """The versions before this one."""

    def replace_rules(self, rules: list[Rule]) -> None:
        """Publish a new version with these rules."""
        if self.version:
            copies = [replace(rule) for rule in self.rules]
            self.earlier.append(replace(self, rules=copies, earlier=[]))
        self.rules = rules
        self.version += 1
        self.last_updated = now()
