"""The ruleset of a zone's custom rules, and the rules in it."""

from collections.abc import Mapping
from typing import Any, Final

from .errors import NotFound, Permission, QuotaExceeded
from .models import Rule, Ruleset
from .resource import Resource

PHASE: Final = "http_request_firewall_custom"

_PERMISSION: Final = Permission.RULES_EDIT
_ENTRYPOINT_NOT_FOUND: Final = 10003
_DRY_RUN: Final = {"dry_run": "true"}


class Rulesets(Resource):
    """The ruleset of a zone's custom rules."""

    async def get(self, zone_id: str) -> Ruleset:
        """Return the zone's custom rules; a zone that never had one has an empty ruleset.

        Source: GET /zones/{zone_id}/rulesets/phases/{phase}/entrypoint.
        """
        try:
            result = await self._transport.result(
                "GET",
                t"/zones/{zone_id}/rulesets/phases/{PHASE}/entrypoint",
                _PERMISSION,
            )
        except NotFound as err:
            if err.code == _ENTRYPOINT_NOT_FOUND:
                return Ruleset()
            raise
        return Ruleset.parse(result)

    async def create(self, zone_id: str, rule: Mapping[str, Any]) -> Ruleset:
        """Create the zone's ruleset for custom rules, with its first rule.

        Source: POST /zones/{zone_id}/rulesets.
        """
        return Ruleset.parse(
            await self._transport.result(
                "POST",
                t"/zones/{zone_id}/rulesets",
                _PERMISSION,
                body=_with_first_rule(rule),
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
                _PERMISSION,
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
                _PERMISSION,
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
                _PERMISSION,
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
            body = _with_first_rule(body)
        elif replacing is None:
            path = t"/zones/{zone_id}/rulesets/{ruleset.id}/rules"
        else:
            # Send the rule otherwise unchanged, in case Cloudflare ignores dry_run.
            body = {**_body(replacing), **rule}
            method = "PATCH"
            path = t"/zones/{zone_id}/rulesets/{ruleset.id}/rules/{replacing.id}"
        try:
            await self._transport.request(
                method, path, _PERMISSION, body=body, query=_DRY_RUN
            )
        except QuotaExceeded:
            # Cloudflare judges the quota last, and the plan counts free slots itself.
            return


def _with_first_rule(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"name": "default", "kind": "zone", "phase": PHASE, "rules": [rule]}


def _body(rule: Rule) -> dict[str, Any]:
    """Return an observed rule as the Rulesets API takes it."""
    return {
        "ref": rule.ref,
        "action": rule.action,
        "expression": rule.expression,
        "description": rule.description,
        "enabled": rule.enabled,
    }
