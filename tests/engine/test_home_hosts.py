"""Which devices of a home reach a host, as far as its name or address tells."""

import pytest

from custom_components.cloudflare_mtls.engine.home_hosts import Reach, reach_of


@pytest.mark.parametrize(
    ("host", "supervised", "reach"),
    [
        ("192.168.1.10", False, Reach.HOME),
        ("10.0.0.5", False, Reach.HOME),
        ("fd00::10", False, Reach.HOME),
        ("ha.example.com", False, Reach.HOME),
        ("homeassistant.lan", False, Reach.HOME),
        ("172.15.0.1", False, Reach.HOME),
        ("172.32.0.1", False, Reach.HOME),
        ("homeassistant.local", False, Reach.MULTICAST_DNS),
        ("Hass.Local.", True, Reach.MULTICAST_DNS),
        ("172.18.0.5", False, Reach.CONTAINERS),
        ("172.17.0.2", False, Reach.CONTAINERS),
        ("172.16.0.1", False, Reach.CONTAINERS),
        ("172.30.32.1", False, Reach.CONTAINERS),
        ("10.88.0.7", False, Reach.CONTAINERS),
        ("homeassistant", False, Reach.CONTAINERS),
        ("HomeAssistant.", True, Reach.CONTAINERS),
        ("host.docker.internal", False, Reach.CONTAINERS),
        ("homeassistant.local.hass.io", True, Reach.CONTAINERS),
        # With a Supervisor, Home Assistant is in the network of its machine, whichever that is.
        ("172.18.0.5", True, Reach.HOME),
        ("10.88.0.7", True, Reach.HOME),
        ("172.30.32.1", True, Reach.CONTAINERS),
        ("localhost", False, Reach.THIS_MACHINE),
        ("ha.localhost", False, Reach.THIS_MACHINE),
        ("127.0.0.1", True, Reach.THIS_MACHINE),
        ("::1", False, Reach.THIS_MACHINE),
        ("0.0.0.0", False, Reach.THIS_MACHINE),
    ],
)
def test_reach(host: str, supervised: bool, reach: Reach) -> None:
    assert reach_of(host, supervised=supervised) is reach
