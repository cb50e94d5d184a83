"""Writes a plan for a login hostname to Cloudflare, the only place that does."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ..api.access_models import (
    AccessApplication,
    AccessGroup,
    AccessPolicy,
    LoginMethod,
    is_same_application,
)
from ..api.client import CloudflareClient
from ..api.errors import Conflict, EngineError, expect_agreement
from ..api.json_fields import Fields
from ..api.selectors import SelectorRules
from .changes import application_changes, demanding, policy_changes, without_tag
from .checked_writes import CheckedWrites, patiently
from .desired import (
    References,
    application_body,
    demanded_by,
    demanded_token,
    group_body,
    open_to_everybody,
    path_application_body,
    policy_body,
)
from .drift import Drift
from .observation import AccessObservation, OwnObjects
from .plan import LoginPlan
from .steps import (
    ApplicationStep,
    ConnectorTokenStep,
    GroupStep,
    LoginAction,
    LoginMethodStep,
    LoginStep,
    PathApplicationStep,
    PolicyStep,
    TagStep,
)


@dataclass(frozen=True, kw_only=True)
class LoginOutcome:
    """How far a plan came, and what is ours now, whose ids are to be stored.

    After an error, nobody knows whether the last write took effect.
    """

    applied: tuple[LoginStep, ...]
    error: EngineError | None
    own: OwnObjects


async def apply_login_plan(
    client: CloudflareClient,
    account_id: str,
    observation: AccessObservation,
    plan: LoginPlan,
) -> LoginOutcome:
    """Take the plan's steps in order, and stop at the first that fails.

    What a step changes is read by its id immediately before, and has to be as it was planned for;
    what a step wrote is read by its id after it. A step that failed without a clear answer is not
    repeated here: the next plan begins with another look.
    """
    writer = _Writer(client, account_id, observation, plan)
    applied: list[LoginStep] = []
    error: EngineError | None = None
    for step in plan.steps:
        try:
            await writer.write(step)
        except EngineError as err:
            error = err
            break
        applied.append(step)
    return LoginOutcome(applied=tuple(applied), error=error, own=writer.own)


class _Writer:
    """Writes one step after the other, and keeps what is ours as each answer shows it."""

    def __init__(
        self,
        client: CloudflareClient,
        account_id: str,
        observation: AccessObservation,
        plan: LoginPlan,
    ) -> None:
        self._client = client
        self._account_id = account_id
        self._organization = observation.organization
        self._one_time_pin = observation.one_time_pin
        self._settings = plan.settings
        self.own = plan.own
        self._groups = CheckedWrites(client.access_groups, account_id, self._keep_group)
        self._policies = CheckedWrites(
            client.access_policies, account_id, self._keep_policy
        )
        self._paths = CheckedWrites(
            client.access_applications, account_id, self._keep_path, is_same_application
        )
        self._applications = CheckedWrites(
            client.access_applications,
            account_id,
            self._keep_application,
            is_same_application,
        )

    @property
    def _references(self) -> References:
        return References(
            one_time_pin=self._one_time_pin.id if self._one_time_pin else None,
            group=self.own.group.id if self.own.group else None,
            policy=self.own.policy.id if self.own.policy else None,
        )

    async def write(self, step: LoginStep) -> None:
        """Take a step; raise EngineError, Conflict where something is not as planned any more."""
        match step:
            case LoginMethodStep():
                self._one_time_pin = await self._create_one_time_pin()
            case TagStep():
                await self._write_tag(step)
            case GroupStep(action=LoginAction.DELETE, found=AccessGroup() as found):
                await self._groups.delete(found)
                self._keep_group(None)
            case GroupStep():
                await self._write_group(step)
            case PolicyStep(action=LoginAction.DELETE, found=AccessPolicy() as found):
                await self._policies.delete(found)
                self._keep_policy(None)
            case PolicyStep():
                await self._write_policy(step)
            case PathApplicationStep(
                action=LoginAction.DELETE, found=AccessApplication() as found
            ):
                await self._paths.delete(found)
                self._forget_path(found)
            case PathApplicationStep():
                await self._write_path(step)
            case ApplicationStep(
                action=LoginAction.DELETE, found=AccessApplication() as found
            ):
                await self._applications.delete(found)
                self._keep_application(None)
            case ApplicationStep():
                await self._write_application(step)
            case ConnectorTokenStep():
                await self._write_connector_token(step)

    async def _create_one_time_pin(self) -> LoginMethod:
        methods, account_id = self._client.access_identity_providers, self._account_id
        try:
            return await patiently(lambda: methods.create_one_time_pin(account_id))
        except Conflict:
            # Somebody was faster.
            for method in await methods.list(account_id):
                if method.is_one_time_pin:
                    return method
            raise

    async def _write_tag(self, step: TagStep) -> None:
        tags, account_id = self._client.access_tags, self._account_id
        if step.action is LoginAction.DELETE:
            await patiently(lambda: tags.delete(account_id, step.target))
            return
        # Somebody else may be faster; without the tag, the application will be refused.
        with suppress(Conflict):
            await patiently(lambda: tags.create(account_id, step.target))

    async def _write_group(self, step: GroupStep) -> None:
        body = group_body(self._settings)
        if step.found is None:
            seen = await self._groups.create(body)
        else:
            before = await self._groups.unchanged(step.found)
            seen = await self._groups.replace(before, body)
        expect_agreement(seen.rules == _rules_of(body))

    async def _write_policy(self, step: PolicyStep) -> None:
        if step.found is None:
            body = policy_body(self._settings, self._references)
            seen = await self._policies.create(body)
        else:
            before = await self._policies.unchanged(step.found)
            changes = policy_changes(step.fixes, self._settings, self._references)
            body = {**before.raw, **changes}
            seen = await self._policies.replace(before, changes)
        expect_agreement(
            seen.rules == _rules_of(body) and seen.decision == body["decision"]
        )
        expect_agreement(Drift.POLICY_SESSION not in step.fixes or not seen.session)

    async def _write_path(self, step: PathApplicationStep) -> None:
        if step.found is None:
            body = path_application_body(self._settings, step.path)
            seen = await self._paths.create(body)
        else:
            before = await self._paths.unchanged(step.found)
            changes = {"policies": [open_to_everybody()]}
            seen = await self._paths.replace(before, changes)
        expect_agreement(seen.uris == (step.target,) and seen.lets_all_pass)

    async def _write_application(self, step: ApplicationStep) -> None:
        if step.found is None:
            body = application_body(self._settings, self._references)
            seen = await self._applications.create(body)
        else:
            before = await self._applications.unchanged(step.found)
            body = self._changes_of(step, before)
            seen = await self._applications.replace(before, body)
        _expect_arrived(seen, body)

    def _changes_of(
        self, step: ApplicationStep, before: AccessApplication
    ) -> Mapping[str, Any]:
        if step.action is LoginAction.RELEASE:
            return without_tag(before)
        return application_changes(
            before, step.fixes, step.removes, self._settings, self._references
        )

    async def _write_connector_token(self, step: ConnectorTokenStep) -> None:
        """Write an ingress rule; its tunnel's configuration is read immediately before."""
        tunnels, application = self._client.tunnels, self.own.application
        before = await tunnels.get_configuration(self._account_id, step.tunnel_id)
        rule = before.rule_for(step.target) if before else None
        if before is None or rule is None or application is None:
            raise Conflict(None, "the tunnel no longer serves the hostname")
        demanded = (
            None
            if step.action is LoginAction.DELETE
            else demanded_token(self._organization, application.audience)
        )
        if demanded_by(rule) == demanded:
            return
        written = await tunnels.put_configuration(
            self._account_id,
            demanding(before, step.target, demanded),
            replacing=before,
        )
        rule = written.rule_for(step.target)
        expect_agreement(rule is not None and demanded_by(rule) == demanded)

    def _keep_group(self, group: AccessGroup | None) -> None:
        self.own = replace(self.own, group=group)

    def _keep_policy(self, policy: AccessPolicy | None) -> None:
        self.own = replace(self.own, policy=policy)

    def _keep_path(self, path: AccessApplication) -> None:
        self._forget_path(path)
        paths = (*self.own.path_applications, path)
        self.own = replace(self.own, path_applications=paths)

    def _forget_path(self, path: AccessApplication) -> None:
        others = [each for each in self.own.path_applications if each.id != path.id]
        self.own = replace(self.own, path_applications=tuple(others))

    def _keep_application(self, application: AccessApplication | None) -> None:
        self.own = replace(self.own, application=application)


def _rules_of(body: Mapping[str, Any]) -> SelectorRules:
    return SelectorRules.parse(Fields(body))


def _expect_arrived(seen: AccessApplication, body: Mapping[str, Any]) -> None:
    """Raise Unavailable unless an application has what decides who gets in, as it was sent.

    An unknown policy once made Cloudflare drop those that were attached, without an error.
    """
    if "policies" in body:
        sent = {each["id"] for each in body["policies"]}
        expect_agreement({each.id for each in seen.policies} == sent)
    if "allowed_idps" in body:
        expect_agreement(seen.allowed_login_methods == frozenset(body["allowed_idps"]))
    if "tags" in body:
        expect_agreement(seen.tags == frozenset(body["tags"]))
