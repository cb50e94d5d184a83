"""Paths of the API; {account}, {zone} and {tunnel} stand for the seeded ids."""

from sandbox.state import FIREWALL_PHASE

TUNNELS = "/accounts/{account}/cfd_tunnel"
TUNNEL = f"{TUNNELS}/{{tunnel}}"
CONFIGURATION = f"{TUNNEL}/configurations"
RECORDS = "/zones/{zone}/dns_records"
CERTIFICATES = "/zones/{zone}/client_certificates"
ASSOCIATIONS = "/zones/{zone}/certificate_authorities/hostname_associations"
RULESETS = "/zones/{zone}/rulesets"
ENTRYPOINT = f"{RULESETS}/phases/{FIREWALL_PHASE}/entrypoint"
ACCESS = "/accounts/{account}/access"
APPLICATIONS = f"{ACCESS}/apps"
VERIFY = "/user/tokens/verify"
