"""What a person may choose for a login hostname, and what is refused before anything is sent."""

from datetime import timedelta
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access.settings import (
    InvalidLoginSettings,
    People,
    PeopleOfGroup,
    SettingsFault,
    read_email,
    shuts_out,
)
from tests.engine.access.helpers import settings


@pytest.mark.parametrize(
    ("text", "email"),
    [
        (" Owner@Example.com ", "owner@example.com"),
        ("first.last+tag@mail.example.co.uk", "first.last+tag@mail.example.co.uk"),
        ("owner@example", None),
        ("owner@example..com", None),
        ("owner@@example.com", None),
        ("@example.com", None),
        ("owner.@example.com", None),
        (".owner@example.com", None),
        ("two words@example.com", None),
        ("owner@example.com, partner@example.com", None),
        ("owner@-example.com", None),
        ("owner@example.com.", None),
        ("", None),
        (f"{250 * 'a'}@example.com", None),
    ],
)
def test_email(text: str, email: str | None) -> None:
    """A typo that no address can have is found before Cloudflare stays silent about it."""
    assert read_email(text) == email


@pytest.mark.parametrize(
    ("chosen", "fault"),
    [
        ({"hostname": "Home.example.com"}, SettingsFault.INVALID_HOSTNAME),
        ({"hostname": "*.example.com"}, SettingsFault.INVALID_HOSTNAME),
        ({"hostname": f"{52 * 'a'}.example.com"}, SettingsFault.ADDRESS_TOO_LONG),
        ({"open_paths": {f"/{50 * 'a'}"}}, SettingsFault.ADDRESS_TOO_LONG),
        ({"open_paths": {"/"}}, SettingsFault.INVALID_PATH),
        ({"open_paths": {"api"}}, SettingsFault.INVALID_PATH),
        ({"open_paths": {"/api/*"}}, SettingsFault.INVALID_PATH),
        ({"who": People(frozenset())}, SettingsFault.NOBODY),
        ({"who": PeopleOfGroup("")}, SettingsFault.NOBODY),
        ({"who": People(frozenset({"Me@example.com"}))}, SettingsFault.INVALID_EMAIL),
        (
            {"who": People(frozenset(f"a{n}@example.com" for n in range(1001)))},
            SettingsFault.TOO_MANY_PEOPLE,
        ),
        ({"countries": {"de"}}, SettingsFault.INVALID_COUNTRY),
        ({"countries": {"DE", "ZZ"}}, SettingsFault.INVALID_COUNTRY),
        ({"session": timedelta(minutes=14)}, SettingsFault.INVALID_SESSION),
        ({"session": timedelta(days=366)}, SettingsFault.INVALID_SESSION),
        (
            {"connector_of": "tunnel", "open_paths": {"/api/webhook/"}},
            SettingsFault.PATHS_WITHOUT_TOKEN,
        ),
    ],
)
def test_refused(chosen: dict[str, Any], fault: SettingsFault) -> None:
    """Settings that make no sense cannot be made, and say why."""
    frozen = {
        key: frozenset(value) if isinstance(value, set) else value
        for key, value in chosen.items()
    }
    with pytest.raises(InvalidLoginSettings) as raised:
        settings(**frozen)
    assert raised.value.fault is fault


def test_longest_hostname() -> None:
    """63 characters are just not too long."""
    hostname = f"{51 * 'a'}.example.com"
    assert len(hostname) == 63
    assert settings(hostname=hostname).hostname == hostname


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"who": People(frozenset({"a@b.de", "c@d.de"}))}, {}, True),
        ({"who": PeopleOfGroup("1")}, {"who": PeopleOfGroup("2")}, True),
        ({"who": PeopleOfGroup("1")}, {}, True),
        ({"login_methods": frozenset({"x"})}, {}, True),
        ({}, {"one_time_pin": False, "login_methods": frozenset({"x"})}, True),
        ({"one_time_pin": False}, {}, True),
        ({}, {}, False),
        ({}, {"who": People(frozenset({"owner@example.com", "c@d.de"}))}, False),
        ({"who": PeopleOfGroup("1")}, {"who": PeopleOfGroup("1")}, False),
        ({}, {"login_methods": frozenset({"x"})}, False),
        ({}, {"one_time_pin": False}, False),
        ({}, {"countries": frozenset({"DE"})}, False),
        ({"open_paths": frozenset({"/a"})}, {}, False),
    ],
)
def test_who_is_shut_out(
    before: dict[str, Any], after: dict[str, Any], expected: bool
) -> None:
    """Without a login method, all of the account's are allowed; countries end no session."""
    assert shuts_out(settings(**before), settings(**after)) is expected
