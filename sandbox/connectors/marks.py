"""The headers by which a connector knows what a request is."""

_UPGRADE = b"cf-cloudflared-proxy-connection-upgrade"

CONTROL_STREAM = (_UPGRADE, b"control-stream")
UPDATE_CONFIGURATION = (_UPGRADE, b"update-configuration")
WEBSOCKET = (_UPGRADE, b"websocket")

RESPONSE_HEADERS = b"cf-cloudflared-response-headers"
RESPONSE_META = b"cf-cloudflared-response-meta"
