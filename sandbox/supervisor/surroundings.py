"""What Home Assistant asks of a Supervisor besides apps; nothing of it ever changes.

The keys are those that the models of Home Assistant's client insist on, 0.6.0 and 0.8.1.
"""

from collections.abc import Mapping
from typing import Any

_MACHINE = {
    "arch": "amd64",
    "machine": "generic-x86-64",
    "timezone": "Etc/UTC",
    "channel": "stable",
    "logging": "info",
    "supported": True,
}
_UP_TO_DATE = {
    "version": "2026.11.0",
    "version_latest": "2026.11.0",
    "update_available": False,
}
_STATS = {
    "cpu_percent": 1.0,
    "memory_usage": 1,
    "memory_limit": 100,
    "memory_percent": 1.0,
    "network_rx": 0,
    "network_tx": 0,
    "blk_read": 0,
    "blk_write": 0,
}

DOCUMENTS: Mapping[str, Any] = {
    "/info": _MACHINE
    | {
        "supervisor": "2026.11.0",
        "homeassistant": "2026.11.0",
        "hassos": "17.0",
        "docker": "28.0.0",
        "hostname": "homeassistant",
        "operating_system": "Home Assistant OS 17.0",
        "features": [],
        "machine_id": None,
        "state": "running",
        "supported_arch": ["amd64"],
    },
    "/supervisor/info": _MACHINE
    | _UP_TO_DATE
    | {
        "healthy": True,
        "ip_address": "172.30.32.2",
        "debug": False,
        "debug_block": False,
        "diagnostics": False,
        "auto_update": True,
        "country": None,
        "detect_blocking_io": False,
        "feature_flags": {},
        "addons": [],
        "addons_repositories": [],
    },
    "/core/info": _MACHINE
    | _UP_TO_DATE
    | {
        "ip_address": "172.30.32.1",
        "image": "ghcr.io/home-assistant/generic-x86-64-homeassistant",
        "boot": True,
        "port": 8123,
        "ssl": False,
        "watchdog": True,
        "audio_input": None,
        "audio_output": None,
        "backups_exclude_database": False,
        "duplicate_log_file": False,
    },
    "/os/info": _UP_TO_DATE
    | {
        "version_pending": None,
        "board": "generic-x86-64",
        "boot": "A",
        "data_disk": None,
        "boot_slots": {},
    },
    "/host/info": {
        "features": [],
        "disk_free": 50.0,
        "disk_total": 100.0,
        "disk_used": 50.0,
    }
    | dict.fromkeys(
        (
            "agent_version",
            "apparmor_version",
            "chassis",
            "virtualization",
            "cpe",
            "deployment",
            "disk_life_time",
            "hostname",
            "llmnr_hostname",
            "kernel",
            "operating_system",
            "timezone",
            "dt_utc",
            "dt_synchronized",
            "use_ntp",
            "startup_time",
            "boot_timestamp",
            "broadcast_llmnr",
            "broadcast_mdns",
        )
    ),
    "/network/info": {
        "interfaces": [],
        "docker": {
            "interface": "hassio",
            "address": "172.30.32.0/23",
            "gateway": "172.30.32.1",
            "dns": "172.30.32.3",
        },
        "host_internet": True,
        "supervisor_internet": True,
    },
    "/store": {"addons": [], "repositories": []},
    "/ingress/panels": {"panels": {}},
    "/mounts": {"default_backup_mount": None, "mounts": []},
    "/jobs/info": {"ignore_conditions": [], "jobs": []},
    "/resolution/info": {
        "unsupported": [],
        "unhealthy": [],
        "issues": [],
        "suggestions": [],
        "checks": [],
    },
    "/discovery": {"discovery": [], "services": {}},
    "/backups": {"backups": []},
    "/backups/info": {"backups": [], "days_until_stale": 30},
    "/core/stats": _STATS,
    "/supervisor/stats": _STATS,
    "/addons/{slug}/stats": _STATS,
}

ACCEPTED = ("/core/options", "/supervisor/options", "/reload_updates", "/store/reload")
"""What Home Assistant tells the Supervisor, to no effect."""
