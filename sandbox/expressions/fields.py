"""The fields and functions that the sandbox can evaluate."""

from collections.abc import Mapping
from enum import StrEnum


class Type(StrEnum):
    """The type of a field's or function's value."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ADDRESS = "address"


STRING_FIELDS = frozenset(
    {
        "cf.tls_client_auth.cert_chain_rfc9440",
        "cf.tls_client_auth.cert_fingerprint_sha1",
        "cf.tls_client_auth.cert_fingerprint_sha256",
        "cf.tls_client_auth.cert_issuer_dn",
        "cf.tls_client_auth.cert_issuer_dn_legacy",
        "cf.tls_client_auth.cert_issuer_dn_rfc2253",
        "cf.tls_client_auth.cert_issuer_serial",
        "cf.tls_client_auth.cert_issuer_ski",
        "cf.tls_client_auth.cert_not_after",
        "cf.tls_client_auth.cert_not_before",
        "cf.tls_client_auth.cert_rfc9440",
        "cf.tls_client_auth.cert_serial",
        "cf.tls_client_auth.cert_ski",
        "cf.tls_client_auth.cert_subject_dn",
        "cf.tls_client_auth.cert_subject_dn_legacy",
        "cf.tls_client_auth.cert_subject_dn_rfc2253",
        "cf.tls_version",
        "http.cookie",
        "http.host",
        "http.referer",
        "http.request.full_uri",
        "http.request.method",
        "http.request.uri",
        "http.request.uri.path",
        "http.request.uri.query",
        "http.request.version",
        "http.user_agent",
        "http.x_forwarded_for",
        "ip.geoip.country",
        "ip.src.country",
        "raw.http.request.full_uri",
        "raw.http.request.uri",
        "raw.http.request.uri.path",
        "raw.http.request.uri.query",
    }
)
BOOLEAN_FIELDS = frozenset(
    {
        "cf.edge.client_tcp",
        "cf.tls_client_auth.cert_chain_rfc9440_too_large",
        "cf.tls_client_auth.cert_presented",
        "cf.tls_client_auth.cert_revoked",
        "cf.tls_client_auth.cert_rfc9440_too_large",
        "cf.tls_client_auth.cert_verified",
        "ssl",
    }
)
NUMBER_FIELDS = frozenset({"ip.geoip.asnum", "ip.src.asnum"})
ADDRESS_FIELDS = frozenset({"ip.src"})
FIELDS: Mapping[str, Type] = (
    dict.fromkeys(STRING_FIELDS, Type.STRING)
    | dict.fromkeys(BOOLEAN_FIELDS, Type.BOOLEAN)
    | dict.fromkeys(NUMBER_FIELDS, Type.NUMBER)
    | dict.fromkeys(ADDRESS_FIELDS, Type.ADDRESS)
)
FUNCTIONS: Mapping[str, Type] = {
    "concat": Type.STRING,
    "ends_with": Type.BOOLEAN,
    "len": Type.NUMBER,
    "lower": Type.STRING,
    "starts_with": Type.BOOLEAN,
    "upper": Type.STRING,
}
