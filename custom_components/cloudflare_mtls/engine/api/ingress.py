"""A tunnel's ingress rules, and which requests cloudflared takes for each of them (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
import re
from typing import Any, Final, Self

from .json_fields import Fields, malformed
from .names import in_dns

# What cloudflared does not read as a name: other signs, hyphens at an end of a label or in its
# third and fourth place.
_NO_NAME: Final = re.compile(r"[^a-z0-9.-]|(^|\.)-|-(\.|$)|(^|\.)(?!xn).{2}--")


@dataclass(frozen=True, kw_only=True)
class IngressRule:
    """A rule of a tunnel, which says which requests go to which service.

    The hostname is as somebody wrote it, None for every hostname.
    """

    hostname: str | None
    path: str | None
    service: str
    raw: Mapping[str, Any]

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of config.ingress."""
        hostname = fields.optional_text("hostname")
        return cls(
            hostname=hostname if hostname and hostname != "*" else None,
            path=fields.optional_text("path") or None,
            service=fields.text("service"),
            raw=fields.raw(),
        )

    @property
    def answers_itself(self) -> bool:
        """Return whether cloudflared answers with a status, and asks no origin."""
        return self.service.startswith("http_status:")

    def is_for(self, hostname: str) -> bool:
        """Return whether the rule names exactly this hostname, whichever way it is written."""
        return self._in_dns == hostname

    def takes(self, host: str) -> bool:
        """Return whether the rule takes a request with this Host header, for any of its paths.

        cloudflared compares letter by letter, after it cut the port. A star stands for one label
        or more at the beginning. A name with other letters than DNS has, or with capitals, also
        takes its form in DNS; a text that is no name has no such form.

        Source: cloudflared 2026.8.2, ingress.FindMatchingRule, matchHost; net.SplitHostPort.
        """
        if self.hostname is None:
            return True
        hostname = _without_port(host)
        if self.hostname.startswith("*."):
            return hostname.endswith(self.hostname[1:])
        return hostname == self.hostname or (
            hostname == self._in_dns and not _NO_NAME.search(hostname)
        )

    def may_take(self, hostname: str) -> bool:
        """Return whether a visitor can write the hostname so that the rule takes the request.

        They choose its case and a dot at its end. Behind two colons, which cloudflared does not
        cut, they write any ending that a star asks for.
        """
        return self.only_name in (None, hostname)

    @property
    def only_name(self) -> str | None:
        """Return the only hostname by which the rule may take a request; None if it takes others too."""
        name = self._in_dns
        if name is None or name.startswith("*."):
            return None
        return name.removesuffix(".")

    @cached_property
    def _in_dns(self) -> str | None:
        """Return the form in which DNS has the hostname, made once for all that is asked about it."""
        return None if self.hostname is None else in_dns(self.hostname)


@dataclass(frozen=True, kw_only=True)
class TunnelConfiguration:
    """The configuration of a remotely managed tunnel.

    The raw mapping is what is written back, because cloudflared and the dashboard keep
    undocumented keys in it.
    """

    tunnel_id: str
    ingress: tuple[IngressRule, ...]
    raw: Mapping[str, Any]

    @classmethod
    def parse(cls, tunnel_id: str, fields: Fields) -> Self:
        """Read GET /accounts/{account_id}/cfd_tunnel/{tunnel_id}/configurations."""
        config = fields.object("config")
        # Only one that was never configured has none.
        is_configured = (fields.number("version") or 0) > 0
        if config is None and ("config" not in fields.raw() or is_configured):
            raise malformed("config")
        return cls.from_raw(tunnel_id, config or Fields({}))

    @classmethod
    def from_raw(cls, tunnel_id: str, config: Fields) -> Self:
        """Read a configuration without the API's wrapping."""
        return cls(
            tunnel_id=tunnel_id,
            ingress=tuple(
                IngressRule.parse(rule) for rule in config.objects("ingress")
            ),
            raw=config.raw(),
        )

    @property
    def has_catch_all(self) -> bool:
        """Return whether the last rule matches every request, as cloudflared demands."""
        if not self.ingress:
            return False
        last = self.ingress[-1]
        return last.hostname is None and last.path is None

    def may_serve(self, hostname: str) -> bool:
        """Return whether some request for the hostname may reach an origin.

        A rule that answers with a status shuts nothing: a visitor writes the hostname in other
        letters, and the next rule takes the request. cloudflared refuses a list without a
        catch-all, so it may still have another one.
        """
        return not self._served_names.isdisjoint((hostname, None)) or bool(
            self.ingress and not self.has_catch_all
        )

    @cached_property
    def _served_names(self) -> frozenset[str | None]:
        """Return the names that rules lead to an origin, collected once for all hostnames; None for any."""
        return frozenset(
            rule.only_name for rule in self.ingress if not rule.answers_itself
        )

    def rule_for(self, hostname: str) -> IngressRule | None:
        """Return the rule for exactly this hostname and any path; best one in its very letters."""
        rules = [
            rule for rule in self.ingress if rule.path is None and rule.is_for(hostname)
        ]
        exact = [rule for rule in rules if rule.hostname == hostname]
        return next(iter(exact or rules), None)

    def service_of(self, hostname: str) -> str | None:
        """Return the service from which the tunnel serves a hostname; None if there is none.

        A rule for some paths counts only where no rule takes all of them.
        """
        taking = [
            rule
            for rule in self.ingress
            if rule.takes(hostname) and not rule.answers_itself
        ]
        whole = [rule for rule in taking if rule.path is None]
        return next((rule.service for rule in whole or taking), None)


def _without_port(host: str) -> str:
    """Return a Host header without its port; with more than one colon, nothing is cut."""
    hostname, _, behind = host.partition(":")
    return host if ":" in behind else hostname
