"""Lines by which a person tells certificates apart in a dialog."""

from collections.abc import Iterable

from homeassistant.core import HomeAssistant

from ..engine.certificates.certificate import Certificate, ListedCertificate
from ..quoting import Ours, plain
from ..runtime_data import CloudflareConfigEntry
from ..wording import async_get_dialog_texts, describe_moment

# Characters of a fingerprint that a person compares. Cloudflare signs what is asked for and chooses the
# serial number, so nobody can try out certificates until one begins like another.
_FINGERPRINT_BEGINNING = 8


async def async_label_certificates(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    certificates: Iterable[ListedCertificate],
) -> dict[str, Ours]:
    """Return a line for each certificate, by Cloudflare's id.

    It says whether a certificate was revoked before, and for which companion device it claims to
    be, since its name may be that of any device. The name is in quotes: it may read like the rest
    of a line.
    """
    text = await async_get_dialog_texts(hass)
    protection = entry.runtime_data.protection
    trust = protection.trust
    names = protection.device_names

    def label(certificate: ListedCertificate) -> str:
        if not isinstance(certificate, Certificate):
            return text("certificate_unreadable", id=plain(certificate.id))
        facts = certificate.facts
        issued, expires = (
            describe_moment(text, moment.date())
            for moment in (facts.issued_on, facts.expires_on)
        )
        fingerprint = facts.fingerprint_sha256[:_FINGERPRINT_BEGINNING]
        device_id = trust.claimed_device_id(certificate)
        claimed = {"device": plain(names[device_id])} if device_id else {}
        return text(
            "certificate_claiming" if claimed else "certificate",
            name=plain(facts.name).replace('"', "'"),
            issued=issued,
            expires=expires,
            fingerprint=fingerprint,
            **claimed,
        )

    def with_past(certificate: ListedCertificate) -> str:
        line = label(certificate)
        if trust.is_revoked(certificate):
            return text("certificate_reactivated", certificate=line)
        return line

    # Whole: what is cut off was not shown.
    return {item.id: Ours(with_past(item)) for item in certificates}
