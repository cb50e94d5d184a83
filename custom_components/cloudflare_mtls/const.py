"""Constants for Cloudflare mTLS."""

import logging
from typing import Final

DOMAIN: Final = "cloudflare_mtls"
LOGGER: Final = logging.getLogger(__package__)

MANUFACTURER: Final = "Cloudflare"

CONF_ACCOUNT_ID: Final = "account_id"
CONF_ADOPTED: Final = "adopted"
CONF_CONNECTOR_OF: Final = "connector_of"
CONF_COUNTRIES: Final = "countries"
CONF_EMAILS: Final = "emails"
CONF_DEVICES: Final = "devices"
CONF_EXEMPT_PATHS: Final = "exempt_paths"
CONF_FOUND: Final = "found"
CONF_GROUP_ID: Final = "group_id"
CONF_HOSTNAME: Final = "hostname"
CONF_HOSTNAMES: Final = "hostnames"
CONF_KEEP_IN_SYNC: Final = "keep_in_sync"
CONF_LAYOUT: Final = "layout"
CONF_LOGIN_METHODS: Final = "login_methods"
CONF_METRICS_ADDRESSES: Final = "metrics_addresses"
CONF_NOTIFY_DEVICE_ID: Final = "notify_device_id"
CONF_ONE_TIME_PIN: Final = "one_time_pin"
CONF_OPEN_PATHS: Final = "open_paths"
CONF_PIN_CERTIFICATES: Final = "pin_certificates"
CONF_SYSTEM: Final = "system"
CONF_PUBLISHED: Final = "published"
CONF_PURPOSE: Final = "purpose"
CONF_REMOTE_HANDOVER: Final = "remote_handover"
CONF_SERVICE: Final = "service"
CONF_SESSION: Final = "session"
CONF_TAKE_OVER: Final = "take_over"
CONF_TUNNEL_ID: Final = "tunnel_id"
CONF_WAS_ASKED: Final = "was_asked"
CONF_ZONE_ID: Final = "zone_id"

EVENT_CERTIFICATE: Final = f"{DOMAIN}_certificate"
EVENT_FIXED: Final = f"{DOMAIN}_fixed"
EVENT_LOGIN: Final = f"{DOMAIN}_login"

SUBENTRY_COMPANION_DEVICE: Final = "companion_device"
SUBENTRY_LOGIN_HOSTNAME: Final = "login_hostname"
SUBENTRY_PROTECTED_HOSTNAME: Final = "protected_hostname"

DASHBOARD_URL: Final = "https://dash.cloudflare.com"
TROUBLESHOOTING_URL: Final = (
    "https://github.com/cloudflare-mtls/ha-cloudflare-mtls/blob/main/"
    "docs/troubleshooting.md"
)
INTEGRATION_URL: Final = f"homeassistant://config/integrations/integration/{DOMAIN}"
STATUS_URL: Final = "https://www.cloudflarestatus.com"
