"""Checks a configuration as cloudflared does, rule by rule, and says the same of it.

Source: cloudflared 2026.8.2, ingress.go, validateIngress.
"""

from collections.abc import Mapping
from ipaddress import ip_network
import re
from typing import Any

from . import go_urls, re2
from .re2_classes import Re2Error
from .rules import fields

_NUMBER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_STATUS = "http_status:"


class ConfigurationError(ValueError):
    """cloudflared refuses a configuration, in these words."""


def check(config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a configuration that cloudflared refuses."""
    read = fields(config)
    rules = [fields(rule) for rule in read["ingress"]]
    defaults = fields(read.get("originrequest") or {})
    for number, rule in enumerate(rules, start=1):
        own = fields(rule.get("originrequest") or {})
        _check_service(rule.get("service") or "", defaults | own, own)
        _check_access(fields(own.get("access") or {}))
        _check_hostname(rule, number, is_last=number == len(rules))
        try:
            re2.compiled(rule.get("path") or "")
        except Re2Error as error:
            raise ConfigurationError(
                f"Rule #{number} has an invalid regex: {error}"
            ) from None


def _check_service(
    service: str, settings: Mapping[str, Any], own: Mapping[str, Any]
) -> None:
    if service.startswith(("unix:", "unix+tls:")) or service in (
        "hello_world",
        "hello-world",
    ):
        return
    if service.startswith(_STATUS):
        _check_status(service.removeprefix(_STATUS))
    elif service == "socks-proxy":
        for rule in own.get("iprules") or ():
            _check_network(fields(rule).get("prefix") or "")
    elif service != "bastion" and not settings.get("bastionmode"):
        _check_address(service)


def _check_status(text: str) -> None:
    if not _NUMBER.fullmatch(text):
        raise ConfigurationError(
            f'invalid HTTP status code: strconv.Atoi: parsing "{text}": invalid syntax'
        )
    if not 100 <= int(text) <= 999:
        raise ConfigurationError(f"invalid HTTP status code: {int(text)}")


def _check_network(prefix: str) -> None:
    try:
        ip_network(prefix, strict=False)
    except ValueError:
        raise ConfigurationError(
            f"unable to create ip rule for socks-proxy: unable to parse cidr: {prefix}"
        ) from None


def _check_address(service: str) -> None:
    try:
        url = go_urls.parse(service)
    except go_urls.UrlError as error:
        raise ConfigurationError(str(error)) from None
    if not url.scheme or not url.hostname:
        raise ConfigurationError(
            f"{service} is an invalid address, please make sure it has a scheme "
            "and a hostname"
        )
    if url.path:
        raise ConfigurationError(
            f"{service} is an invalid address, ingress rules don't support proxying to "
            "a different path on the origin service. The path will be the same as the "
            "eyeball request's path"
        )


def _check_access(access: Mapping[str, Any]) -> None:
    if access.get("required") and access.get("audtag") and not access.get("teamname"):
        raise ConfigurationError(
            "access.TeamName cannot be blank when access.audTags are present"
        )


def _check_hostname(rule: Mapping[str, Any], number: int, *, is_last: bool) -> None:
    hostname = rule.get("hostname") or ""
    if go_urls.split_host_port(hostname) is not None:
        raise ConfigurationError("Hostname cannot contain a port")
    if hostname.rfind("*") > 0:
        raise ConfigurationError(
            'Hostname patterns can have at most one wildcard character ("*") and '
            'it can only be used for subdomains, e.g. "*.example.com"'
        )
    is_catch_all = hostname in ("", "*") and not rule.get("path")
    if is_last and not is_catch_all:
        raise ConfigurationError(
            "The last ingress rule must match all URLs "
            "(i.e. it should not have a hostname or path filter)"
        )
    if is_catch_all and not is_last:
        raise ConfigurationError(
            f"Rule #{number} is matching the hostname '{hostname}', but this will "
            "match every hostname, meaning the rules which follow it will never "
            "be triggered."
        )
