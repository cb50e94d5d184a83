"""The home lab that every sandbox starts with."""

from .state import FIREWALL_PHASE, DnsRecord, IdentityProvider, Rule, Ruleset, State

ACCOUNT_ID = "ac000000000000000000000000000001"
ZONE_ID = "20000000000000000000000000000001"
ZONE_NAME = "example.com"
TUNNEL_ID = "7e000000-0000-4000-8000-000000000001"
FOREIGN_RULE_ID = "4e000000000000000000000000000001"
SERVICE = "http://homeassistant:8123"


def home_lab() -> State:
    """Build an account with a zone, a healthy tunnel and settings made by others."""
    state = State()
    account = state.add_account("Home lab", id=ACCOUNT_ID)
    account.access.team = "home-lab"
    account.access.identity_providers = [IdentityProvider("onetimepin")]

    tunnel = state.add_tunnel("home", id=TUNNEL_ID)
    tunnel.connect()
    tunnel.version = 7
    tunnel.config = {
        "ingress": [
            {"hostname": f"home.{ZONE_NAME}", "service": SERVICE},
            {
                "hostname": f"nas.{ZONE_NAME}",
                "service": "http://192.168.1.20:5000",
                "originRequest": {"noTLSVerify": True},
            },
            {"service": "http_status:404"},
        ],
        "warp-routing": {"enabled": False},
        "x-dashboard": {"note": "unknown to every client"},
    }

    zone = state.add_zone(ZONE_NAME, id=ZONE_ID)
    target = f"{TUNNEL_ID}.cfargotunnel.com"
    for record in (
        DnsRecord("CNAME", f"home.{ZONE_NAME}", target, proxied=True),
        DnsRecord("CNAME", f"nas.{ZONE_NAME}", target, proxied=True),
        DnsRecord("A", f"vpn.{ZONE_NAME}", "198.51.100.7", ttl=300),
        DnsRecord("MX", ZONE_NAME, "mail.example.net", priority=10),
        DnsRecord("TXT", ZONE_NAME, '"v=spf1 include:example.net ~all"'),
    ):
        zone.add_dns_record(record)
    zone.associations = [f"nas.{ZONE_NAME}"]
    zone.add_ruleset(
        Ruleset(
            FIREWALL_PHASE,
            [
                Rule(
                    id=FOREIGN_RULE_ID,
                    ref="block-other-countries",
                    action="block",
                    expression=(
                        'not ip.src.country in {"DE" "AT"} '
                        f'and http.host eq "nas.{ZONE_NAME}"'
                    ),
                    description="Block other countries",
                )
            ],
        )
    )
    return state
