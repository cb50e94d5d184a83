"""Adds the steps that ask a hostname's visitors for a certificate, or stop asking (pure)."""

from .safe_steps import SafeSteps
from .settings import ProtectedHostname
from .steps import Action, AssociationStep


def associate(steps: SafeSteps, item: ProtectedHostname) -> None:
    """Have visitors of a hostname asked for a certificate."""
    if not steps.state.is_associated(item.hostname):
        steps.add(AssociationStep(action=Action.CREATE, target=item.hostname))


def dissociate(steps: SafeSteps, item: ProtectedHostname) -> None:
    """Have visitors of a hostname no longer asked for a certificate."""
    if steps.state.is_associated(item.hostname):
        steps.add(AssociationStep(action=Action.DELETE, target=item.hostname))
