"""What the Supervisor tells of apps, with every key that its clients insist on.

Source: Supervisor of 2026-08-21, api/apps.py and api/store.py; the config.yaml of Cloudflared.
"""

from typing import Any

from .app import App, Manifest
from .schema import for_the_front_end


def list_document(app: App) -> dict[str, Any]:
    """Return an installed app as the list has it."""
    return _common(app.slug, app.manifest, app) | {
        "detached": app.detached,
        "state": app.state,
        "system_managed": False,
    }


def store_document(slug: str, manifest: Manifest, app: App | None) -> dict[str, Any]:
    """Return an app as the store has it, installed or not."""
    return (
        _common(slug, manifest, app)
        | _extended()
        | {"installed": app is not None, "detached": False}
    )


def info_document(app: App) -> dict[str, Any]:
    """Return all about an installed app."""
    return (
        list_document(app)
        | _extended()
        | {
            "hostname": app.hostname,
            "dns": [],
            "ip_address": app.ip_address,
            "options": app.options,
            "schema": for_the_front_end(app.manifest.schema),
            "protected": True,
            "boot": "auto",
            "boot_config": "auto",
            "auto_update": False,
            "watchdog": False,
            "startup": "services",
            "translations": {},
            "changelog": True,
            "machine": [],
            "network": {"36500/tcp": None},
            "network_description": None,
            "services": [],
            "discovery": [],
            "privileged": [],
            "devices": [],
            "webui": None,
            "ingress_entry": None,
            "ingress_url": None,
            "ingress_port": None,
            "ingress_panel": None,
            "audio_input": None,
            "audio_output": None,
            "system_managed_config_entry": None,
        }
        | dict.fromkeys(
            (
                "host_ipc",
                "host_uts",
                "host_dbus",
                "stdin",
                "gpio",
                "usb",
                "uart",
                "kernel_modules",
                "devicetree",
                "udev",
                "video",
                "audio",
            ),
            False,
        )
    )


def _common(slug: str, manifest: Manifest, app: App | None) -> dict[str, Any]:
    repository, _, _ = slug.partition("_")
    return {
        "name": manifest.name,
        "slug": slug,
        "description": manifest.description,
        "url": manifest.url,
        "repository": repository,
        "version": app.version if app else None,
        "version_latest": manifest.version,
        "update_available": app is not None and app.version != manifest.version,
        "advanced": False,
        "available": True,
        "build": False,
        "homeassistant": None,
        "icon": True,
        "logo": True,
        "stage": "stable",
    }


def _extended() -> dict[str, Any]:
    return {
        "arch": ["aarch64", "amd64"],
        "documentation": True,
        "apparmor": "default",
        "auth_api": False,
        "docker_api": False,
        "full_access": False,
        "hassio_api": True,
        "hassio_role": "default",
        "homeassistant_api": False,
        "host_network": False,
        "host_pid": False,
        "ingress": False,
        "long_description": None,
        "rating": 6,
        "signed": False,
    }
