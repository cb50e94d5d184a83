"""The ruleset of a zone for one phase, and the rules in it."""

from collections.abc import Mapping
from typing import Any, Final

from .errors import NotFound, Permission, QuotaExceeded
from .models import Rule, Ruleset
from .resource import Resource
from .transport import Transport

CUSTOM_RULES: Final = "http_request_firewall_custom"
HEADER_RULES: Final = "http_request_late_transform"

# Source: each phase has a permission of its own; without it, reads and writes are refused.
_PERMISSIONS: Final[Mapping[str, Permission]] = {
    CUSTOM_RULES: Permission.RULES_EDIT,
    HEADER_RULES: Permission.HEADER_RULES_EDIT,
}
_ENTRYPOINT_NOT_FOUND: Final = 10003
_DRY_RUN: Final = {"dry_run": "true"}


class Rulesets(Resource):
    """The rulesets of zones for one phase."""

    def __init__(self, transport: Transport, phase: str) -> None:
        """Take the phase whose rules these are."""
        super().__init__(transport)
        self._phase = phase
        self._permission = _PERMISSIONS[phase]

    async def get(self, zone_id: str) -> Ruleset:
        """Return the zone's rules; a zone that never had one has an empty ruleset.

        Source: GET /zones/{zone_id}/rulesets/phases/{phase}/entrypoint.
        """
        try:
            result = await self._transport.result(
                "GET",
                t"/zones/{zone_id}/rulesets/phases/{self._phase}/entrypoint",
                self._permission,
            )
        except NotFound as err:
            if err.code == _ENTRYPOINT_NOT_FOUND:
                return Ruleset()
            raise
        return Ruleset.parse(result)

    async def create(self, zone_id: str, rule: Mapping[str, Any]) -> Ruleset:
        """Create the zone's ruleset for the phase, with its first rule.

        Source: POST /zones/{zone_id}/rulesets.
        """
        return Ruleset.parse(
            await self._transport.result(
                "POST",
                t"/zones/{zone_id}/rulesets",
                self._permission,
                body=self._with_first_rule(rule),
            )
        )

    async def create_rule(
        self, zone_id: str, ruleset_id: str, rule: Mapping[str, Any]
    ) -> Ruleset:
        """Add a rule and return the ruleset with it.

        Source: POST /zones/{zone_id}/rulesets/{ruleset_id}/rules.
        """
        return Ruleset.parse(
            await self._transport.result(
                "POST",
                t"/zones/{zone_id}/rulesets/{ruleset_id}/rules",
                self._permission,
                body=rule,
            )
        )

    async def edit_rule(
        self, zone_id: str, ruleset_id: str, rule_id: str, rule: Mapping[str, Any]
    ) -> Ruleset:
        """Replace the whole definition of a rule, or, given only a position, move it.

        Source: PATCH /zones/{zone_id}/rulesets/{ruleset_id}/rules/{rule_id}.
        """
        return Ruleset.parse(
            await self._transport.result(
                "PATCH",
                t"/zones/{zone_id}/rulesets/{ruleset_id}/rules/{rule_id}",
                self._permission,
                body=rule,
            )
        )

    async def delete_rule(self, zone_id: str, ruleset_id: str, rule_id: str) -> Ruleset:
        """Delete a rule and return the ruleset without it.

        Source: DELETE /zones/{zone_id}/rulesets/{ruleset_id}/rules/{rule_id}.
        """
        return Ruleset.parse(
            await self._transport.result(
                "DELETE",
                t"/zones/{zone_id}/rulesets/{ruleset_id}/rules/{rule_id}",
                self._permission,
            )
        )

    async def dry_run(
        self,
        zone_id: str,
        ruleset: Ruleset,
        rule: Mapping[str, Any],
        *,
        replacing: Rule | None = None,
    ) -> None:
        """Have Cloudflare judge a rule, a new one or a changed one; nothing is written.

        Raises PermissionMissing where the token may not write rules, Rejected where the zone's
        plan does not take this one; a full ruleset raises nothing.

        Source: ?dry_run=true of the Rulesets API: it checks permissions and quota, and keeps
        nothing.
        """
        body: Mapping[str, Any] = {
            "expression": 'http.host eq "dry-run.invalid"',
            "enabled": False,
            **rule,
        }
        method, path = "POST", t"/zones/{zone_id}/rulesets"
        if ruleset.id is None:
            body = self._with_first_rule(body)
        elif replacing is None:
            path = t"/zones/{zone_id}/rulesets/{ruleset.id}/rules"
        else:
            # Send the rule otherwise unchanged, in case Cloudflare ignores dry_run.
            body = {**_body(replacing), **rule}
            method = "PATCH"
            path = t"/zones/{zone_id}/rulesets/{ruleset.id}/rules/{replacing.id}"
        try:
            await self._transport.request(
                method, path, self._permission, body=body, query=_DRY_RUN
            )
        except QuotaExceeded:
            # Cloudflare judges the quota last, and the plan counts free slots itself.
            return

    def _with_first_rule(self, rule: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            "name": "default",
            "kind": "zone",
            "phase": self._phase,
            "rules": [rule],
        }


def _body(rule: Rule) -> dict[str, Any]:
    """Return an observed rule as the Rulesets API takes it."""
    return {
        "ref": rule.ref,
        "action": rule.action,
        "expression": rule.expression,
        "description": rule.description,
        "enabled": rule.enabled,
    }
