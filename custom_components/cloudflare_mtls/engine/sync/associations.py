"""Adds the steps that ask a hostname's visitors for a certificate, or stop asking (pure)."""

from ..api.names import in_dns
from .safe_steps import SafeSteps
from .settings import ProtectedHostname
from .steps import Action, AssociationStep


def associate(steps: SafeSteps, item: ProtectedHostname) -> None:
    """Have visitors of a hostname asked for a certificate."""
    if not _is_associated(steps, item):
        steps.add(AssociationStep(action=Action.CREATE, target=item.hostname))


def dissociate(steps: SafeSteps, item: ProtectedHostname) -> None:
    """Have visitors of a hostname no longer asked for a certificate."""
    if _is_associated(steps, item):
        steps.add(AssociationStep(action=Action.DELETE, target=item.hostname))


def _is_associated(steps: SafeSteps, item: ProtectedHostname) -> bool:
    return item.hostname in (in_dns(name) for name in steps.state.associations)
