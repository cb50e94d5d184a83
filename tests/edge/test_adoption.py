"""What counts as made by hand for a hostname, and what is somebody's own business."""

import pytest

from custom_components.cloudflare_mtls.edge.adoption import is_made_by_hand
from custom_components.cloudflare_mtls.edge.exposure import exposed
from custom_components.cloudflare_mtls.edge.models import Rule
from custom_components.cloudflare_mtls.edge.plan import make_plan

from .builders import (
    HOST,
    OTHER,
    after,
    block_rule,
    names,
    protected,
    published,
    rule,
    skip,
    wanting,
)

VERIFIED = "cf.tls_client_auth.cert_verified"
REVOKED = "cf.tls_client_auth.cert_revoked"


@pytest.mark.parametrize(
    "expression",
    [
        f'(http.host eq "{HOST}" and not {VERIFIED})',
        f'(http.host in {{"{HOST}"}} and not {VERIFIED})',
        f'(http.host in {{"{HOST}" "{OTHER}"}} and not {VERIFIED})',
        f'(not {VERIFIED} and http.host eq "{HOST}")',
        f'(http.host in {{"{HOST}"}} and (not {VERIFIED} or {REVOKED}))',
        f'lower(http.host) eq "{HOST}" and not {VERIFIED}',
        f'starts_with(http.host, "{HOST}") and not {VERIFIED}',
        f'(http.host eq "{HOST}" or http.host eq "{OTHER}") and not {VERIFIED}',
    ],
)
@pytest.mark.parametrize("action", ["block", "skip"])
def test_guides_are_recognised(action: str, expression: str) -> None:
    """Guides are recognised."""
    assert is_made_by_hand(rule(action, expression), {HOST, OTHER})


@pytest.mark.parametrize(
    "foreign",
    [
        rule("block", f'http.host eq "nas.example.com" and not {VERIFIED}'),
        rule("block", f'http.host in {{"{HOST}" "nas.example.com"}} and not {VERIFIED}'),
        rule("block", f'http.host eq "{HOST}" or not {VERIFIED}'),
        rule("block", f'http.host eq "{HOST}" and http.host eq "{OTHER}" and {VERIFIED}'),
        rule("block", f'http.host eq "{HOST}" and ip.src.country ne "DE" and {VERIFIED}'),
        rule("block", f'http.host eq "{HOST}" and not http.request.uri.path eq "/x"'),
        rule("block", f'http.host ne "{HOST}" and not {VERIFIED}'),
        rule("block", f'http.host contains "{HOST}" and not {VERIFIED}'),
        rule("block", f"not {VERIFIED}"),
        rule("block", f'not (http.host eq "{HOST}" and {VERIFIED})'),
        rule("block", "((("),
        rule("managed_challenge", f'http.host eq "{HOST}" and not {VERIFIED}'),
        block_rule(),
    ],
    ids=lambda item: item.expression,
)  # fmt: skip
def test_anything_else_is_somebodys_own(foreign: Rule) -> None:
    """Anything else is somebody's own."""
    assert not is_made_by_hand(foreign, {HOST, OTHER})


def test_revoked_certificates_are_closed_out_by_taking_over() -> None:
    """Revoked certificates are closed out by taking over."""
    observation = published(
        skip(f'http.host eq "{HOST}" and {VERIFIED}', "by-hand-skip"),
        rule("block", f'http.host eq "{HOST}" and not {VERIFIED}', "by-hand-block"),
    )
    assert exposed(observation, HOST)
    desired = wanting(protected(), takes_over=True)

    plan = make_plan(observation, desired)

    assert names(plan.steps) == ["adopt block_rule", "adopt skip_rule"]
    assert exposed(after(observation, plan), HOST) is None
