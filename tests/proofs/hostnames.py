"""Hostnames, services and devices of the proofs' zone."""

from typing import Final

from sandbox.seed import TUNNEL_ID, ZONE_NAME

# The first home protects home and cabin, the other one boat and shed.
HOME: Final = f"home-mobile.{ZONE_NAME}"
CABIN: Final = f"cabin-mobile.{ZONE_NAME}"
BOAT: Final = f"boat-mobile.{ZONE_NAME}"
SHED: Final = f"shed-mobile.{ZONE_NAME}"

# Hostnames and a service that no home protects.
NAS: Final = f"nas.{ZONE_NAME}"
WILDCARD: Final = f"*.{ZONE_NAME}"
FOREIGN_SERVICE: Final = "http://192.168.1.20:5000"

# The devices of every home, by their ids, each with the fingerprint of its certificate.
DEVICES: Final = {"phone": "a" * 64, "tablet": "b" * 64}
# The fingerprint of a valid certificate that belongs to none of them.
STRANGER: Final = "c" * 64

TUNNEL_ADDRESS: Final = f"{TUNNEL_ID}.cfargotunnel.com"
