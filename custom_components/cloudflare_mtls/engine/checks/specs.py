"""One row a check: the setting it looks at, how bad a finding is, how it is fixed (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ..api.models import Setting


class Check(StrEnum):
    """A check for something in a companion device's way, or past the rules for others."""

    ZONE_PAUSED = "zone_paused"
    ZONE_INACTIVE = "zone_inactive"
    OTHER_ZONE = "other_zone"
    DELEGATED = "delegated"
    WEBSOCKETS_OFF = "websockets_off"
    UNDER_ATTACK = "under_attack"
    BOT_FIGHT_MODE = "bot_fight_mode"
    ZERO_RTT_ON = "zero_rtt_on"
    TLS_1_3_ONLY = "tls_1_3_only"
    HTTP3_ON = "http3_on"
    RULE_BLOCKS = "rule_blocks"
    RULE_MAY_BLOCK = "rule_may_block"
    ACCESS_LOGIN = "access_login"
    IP_ACCESS_ALLOW = "ip_access_allow"
    WORKERS = "workers"
    OPEN_HOSTNAME = "open_hostname"
    NO_CATCH_ALL = "no_catch_all"
    ORIGIN_CERTIFICATE = "origin_certificate"
    ORIGIN_LOCAL_NAME = "origin_local_name"
    ORIGIN_PORT = "origin_port"
    ORIGIN_SCHEME = "origin_scheme"
    PROXY_NOT_TRUSTED = "proxy_not_trusted"


class Severity(StrEnum):
    """How bad a finding is."""

    # Companion devices cannot use the hostname, or visitors without a certificate can.
    ERROR = "error"
    # Some devices cannot, or it depends on what else is set up.
    WARNING = "warning"


class FixedIn(StrEnum):
    """What is changed to fix a finding, once a person agreed."""

    SETTING = "setting"
    BOT_FIGHT_MODE = "bot_fight_mode"
    TUNNEL = "tunnel"


class HelpLink(StrEnum):
    """Where a person reads what to do about a finding, or can do it."""

    TROUBLESHOOTING = "troubleshooting"
    HOME_ASSISTANT_NETWORK = "home_assistant_network"


@dataclass(frozen=True, kw_only=True)
class SettingSpec:
    """A setting of the zone, the value that is in the way, and the one that is not."""

    setting: Setting
    wrong: str
    right: str

    def is_wrong_in(self, settings: Mapping[Setting, str]) -> bool:
        """Return whether the setting has the wrong value; one that was not read has not."""
        return settings.get(self.setting) == self.wrong


@dataclass(frozen=True, kw_only=True)
class CheckSpec:
    """What is known of a check, whatever it finds; fixed in nothing: a person must do it."""

    severity: Severity = Severity.ERROR
    setting: SettingSpec | None = None
    fixed_in: FixedIn | None = None
    help_link: HelpLink = HelpLink.TROUBLESHOOTING


SPECS: Final[Mapping[Check, CheckSpec]] = {
    Check.ZONE_PAUSED: CheckSpec(),
    Check.ZONE_INACTIVE: CheckSpec(),
    Check.OTHER_ZONE: CheckSpec(),
    Check.DELEGATED: CheckSpec(),
    Check.WEBSOCKETS_OFF: CheckSpec(
        setting=SettingSpec(setting=Setting.WEBSOCKETS, wrong="off", right="on"),
        fixed_in=FixedIn.SETTING,
    ),
    Check.UNDER_ATTACK: CheckSpec(
        setting=SettingSpec(
            setting=Setting.SECURITY_LEVEL, wrong="under_attack", right="medium"
        ),
        fixed_in=FixedIn.SETTING,
    ),
    Check.BOT_FIGHT_MODE: CheckSpec(fixed_in=FixedIn.BOT_FIGHT_MODE),
    Check.ZERO_RTT_ON: CheckSpec(
        severity=Severity.WARNING,
        setting=SettingSpec(setting=Setting.ZERO_RTT, wrong="on", right="off"),
        fixed_in=FixedIn.SETTING,
    ),
    Check.TLS_1_3_ONLY: CheckSpec(
        severity=Severity.WARNING,
        setting=SettingSpec(setting=Setting.MIN_TLS_VERSION, wrong="1.3", right="1.2"),
        fixed_in=FixedIn.SETTING,
    ),
    # A person decides: only some browsers on computers fail, and it is the whole zone's setting.
    Check.HTTP3_ON: CheckSpec(
        severity=Severity.WARNING,
        setting=SettingSpec(setting=Setting.HTTP3, wrong="on", right="off"),
    ),
    Check.RULE_BLOCKS: CheckSpec(),
    Check.RULE_MAY_BLOCK: CheckSpec(severity=Severity.WARNING),
    Check.ACCESS_LOGIN: CheckSpec(),
    Check.IP_ACCESS_ALLOW: CheckSpec(),
    Check.WORKERS: CheckSpec(severity=Severity.WARNING),
    # A browser's hostname may be meant to be open.
    Check.OPEN_HOSTNAME: CheckSpec(severity=Severity.WARNING),
    Check.NO_CATCH_ALL: CheckSpec(fixed_in=FixedIn.TUNNEL),
    Check.ORIGIN_CERTIFICATE: CheckSpec(
        severity=Severity.WARNING, fixed_in=FixedIn.TUNNEL
    ),
    # Some connectors can look such a name up.
    Check.ORIGIN_LOCAL_NAME: CheckSpec(severity=Severity.WARNING),
    Check.ORIGIN_PORT: CheckSpec(severity=Severity.WARNING),
    Check.ORIGIN_SCHEME: CheckSpec(),
    Check.PROXY_NOT_TRUSTED: CheckSpec(help_link=HelpLink.HOME_ASSISTANT_NETWORK),
}
