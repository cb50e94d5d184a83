"""What visits to the edge can meet, in docs/reference.md."""

from collections.abc import Iterator, Mapping
from typing import Final

from custom_components.cloudflare_mtls.engine.probe import Verdict

from .texts import row, same_keys, table

_MEANINGS: Final[Mapping[Verdict, str]] = {
    Verdict.BLOCKED: "Cloudflare's own block page: a rule refused the request",
    Verdict.LET_IN: "something behind Cloudflare answered, whatever it said",
    Verdict.NO_ORIGIN: "the request passed the rules, but the tunnel or Home Assistant did not answer",
    Verdict.CHALLENGED: "Cloudflare wants a browser to solve something first",
    Verdict.UNCLEAR: "Cloudflare answered by itself, without showing whether a rule was the reason",
    Verdict.NOT_CLOUDFLARE: "somebody else answered: your network at home leads the name elsewhere, so nothing can be seen from there",
    Verdict.NO_CERTIFICATE: "Cloudflare has no certificate for this name, so no connection was made",
    Verdict.UNREACHABLE: "nobody answered, or somebody else who has no certificate for this name",
}


def verdicts() -> Iterator[str]:
    """Yield each verdict and its meaning."""
    same_keys(_MEANINGS, dict.fromkeys(Verdict))
    yield from table("verdict", "meaning")
    yield from (row(f"`{verdict}`", text) for verdict, text in _MEANINGS.items())
