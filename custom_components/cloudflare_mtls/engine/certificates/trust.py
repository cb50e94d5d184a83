"""Which certificates are trusted: those that were created here, or that a person confirmed (pure)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from .certificate import Certificate, ListedCertificate, readable
from .keys import ORGANIZATION
from .records import Record, may_be_installed


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What the trust in certificates rests on; none of it is read from a certificate.

    records: those of the certificates that were created here, by Cloudflare's id.
    confirmed: the companion device of each certificate that a person confirmed, by SHA-256
    fingerprint in lowercase hex; None for one that belongs to no device of this home.
    unwanted: the ids or fingerprints of certificates that have to be revoked, and the ids of the
    keys of certificates that are being created.
    revoked: the ids and fingerprints of certificates that were revoked here or seen revoked, and
    that no person has restored here: they are not trusted, whether they let somebody in by now or not.
    device_ids: the companion devices that there are now.
    removed_ids: the removed ones whose certificates are still to be revoked.
    in_use: the certificate that each device used when somebody revoked the device, by its id.
    ended: the ids and fingerprints of certificates that were seen revoked, or have expired.
    confirmed_ids: Cloudflare's ids of the confirmed certificates that were seen, by fingerprint.
    """

    records: Mapping[str, Record]
    confirmed: Mapping[str, str | None]
    unwanted: Collection[str]
    revoked: Collection[str]
    device_ids: Collection[str]
    removed_ids: Collection[str]
    ended: Collection[str]
    in_use: Mapping[str, str]
    confirmed_ids: Mapping[str, str]

    @property
    def without_ends(self) -> Trust:
        """Return this trust as if no certificate had been seen revoked, or had expired."""
        return replace(self, ended=())

    def record_of(self, certificate: Certificate) -> Record | None:
        """Return the record of a certificate, if it is the one that was created here."""
        record = self.records.get(certificate.id)
        fingerprint = certificate.facts.fingerprint_sha256
        return record if record and record.fingerprint == fingerprint else None

    def created_here(self, certificate: Certificate) -> bool:
        """Return whether its record was made at its creation, not when a confirmed one was restored."""
        is_confirmed = certificate.facts.fingerprint_sha256 in self.confirmed
        return not is_confirmed and self.record_of(certificate) is not None

    def device_id_of(self, certificate: Certificate) -> str | None:
        """Return the companion device that a certificate belongs to, present or not."""
        fingerprint = certificate.facts.fingerprint_sha256
        if fingerprint in self.confirmed:
            return self.confirmed[fingerprint]
        record = self.record_of(certificate)
        return record.device_id if record else None

    def holder_of(self, fingerprint: str) -> str | None:
        """Return the companion device that holds a certificate, present or not, by SHA-256 fingerprint.

        None for one whose bundle nobody has fetched: only Home Assistant's own visits use it.
        """
        if fingerprint in self.confirmed:
            return self.confirmed[fingerprint]
        return next(
            (
                record.device_id
                for record in self.records.values()
                if record.fingerprint == fingerprint and may_be_installed(record)
            ),
            None,
        )

    def revoked_with(self, certificate: ListedCertificate) -> str | None:
        """Return the companion device with which a certificate is revoked, present or not.

        Unlike trust, this also rests on the id alone: one that cannot be read is to be revoked too.
        """
        for item_id in certificate.own_ids:
            if item_id in self.confirmed:
                return self.confirmed[item_id]
        record = self.records.get(certificate.id)
        return record.device_id if record else None

    def known_ids(self, device_id: str) -> frozenset[str]:
        """Return the ids and fingerprints by which a device's certificates are known here.

        Those that were revoked here already, or let nobody in any more, are not among them.
        """
        known = known_ids(self.records, self.confirmed, device_id)
        return frozenset(filter(self._may_let_in, known))

    def ids_of_device(self, device_id: str) -> frozenset[str]:
        """Return those of the known ids that are of certificates that were created for a device."""
        return self.known_ids(device_id) - self.confirmed.keys()

    def confirmed_for(self, device_id: str) -> frozenset[str]:
        """Return those of the known ids that are fingerprints, which a person confirmed as a device's."""
        return self.known_ids(device_id) & self.confirmed.keys()

    def created_among(
        self, certificates: Collection[ListedCertificate]
    ) -> list[ListedCertificate]:
        """Return the certificates that were created here and may be valid.

        Those that are not among the given ones are at the end: nobody could look where they are.
        """
        listed = {item.id for item in certificates}
        unlisted = filter(self._may_let_in, self.records.keys() - listed)
        return [
            *(
                item
                for item in certificates
                if item.may_be_active and item.id in self.records
            ),
            *map(ListedCertificate.unlisted, sorted(unlisted)),
        ]

    def trusts(self, certificate: Certificate) -> bool:
        """Return whether it belongs to a present device, or a person confirmed it."""
        if self.is_stopped(certificate):
            return False
        device_id = self.device_id_of(certificate)
        if device_id is None:
            return certificate.facts.fingerprint_sha256 in self.confirmed
        return device_id in self.device_ids

    def device_ids_beyond(
        self, certificates: Collection[ListedCertificate]
    ) -> dict[str, str | None]:
        """Return the device of each trusted certificate that is not among these, by fingerprint.

        Somebody else may have revoked them: Cloudflare still knows. Those that were seen to let
        nobody in any more are left out. None stands for no device of this home; SHA-256, lowercase hex.
        """
        stopped = {*self.revoked, *self.unwanted, *self.ended}
        stopped |= {
            fingerprint
            for fingerprint, certificate_id in self._ids_by_fingerprint.items()
            if certificate_id in stopped
        }
        created = {
            record.fingerprint: record.device_id for record in self.records.values()
        }
        listed = {item.facts.fingerprint_sha256 for item in readable(certificates)}
        return {
            fingerprint: device_id
            for fingerprint, device_id in {**created, **self.confirmed}.items()
            if (device_id is None or device_id in self.device_ids)
            and fingerprint not in stopped | listed
        }

    def unknown_among(
        self, certificates: Iterable[ListedCertificate]
    ) -> tuple[ListedCertificate, ...]:
        """Return the certificates that may let somebody in without being trusted.

        Those that cannot be parsed are among them. Unwanted ones and those of removed devices
        are not: they are going to be revoked.
        """
        return tuple(
            item
            for item in certificates
            if item.may_be_active and not self._knows(item)
        )

    def claimed_device_id(self, certificate: ListedCertificate) -> str | None:
        """Return the present device that a certificate says it is for.

        Nothing may be allowed because of it: who asks for a certificate chooses the subject.
        A device that was adopted before has the id of its first certificate.
        """
        claims = [certificate.id]
        if isinstance(certificate, Certificate):
            facts = certificate.facts
            if facts.organization == ORGANIZATION:
                claims.append(facts.organizational_unit)
        return next((item for item in claims if item in self.device_ids), None)

    def is_stopped(self, certificate: ListedCertificate) -> bool:
        """Return whether a person wants it to let nobody in, and has not restored it."""
        return self.is_unwanted(certificate) or self.is_revoked(certificate)

    def has_ended(self, certificate: ListedCertificate) -> bool:
        """Return whether it was seen revoked, and not restored here since, or has expired."""
        return any(item_id in self.ended for item_id in certificate.own_ids)

    def is_revoked(self, certificate: ListedCertificate) -> bool:
        """Return whether it was revoked, here or elsewhere, and no person has restored it here."""
        return any(item_id in self.revoked for item_id in certificate.own_ids)

    def is_unwanted(self, certificate: ListedCertificate) -> bool:
        """Return whether it has to be revoked, or is being created and not recorded yet."""
        return any(item_id in self.unwanted for item_id in certificate.ids)

    def is_of_removed_device(self, certificate: ListedCertificate) -> bool:
        """Return whether it belongs to a removed device, and has to be revoked."""
        return self.revoked_with(certificate) in self.removed_ids

    @property
    def ids_in_force(self) -> frozenset[str]:
        """Return the ids of the known certificates that have not ended, as far as is known."""
        return frozenset(filter(self._may_let_in, self._ids_by_fingerprint.values()))

    @property
    def _ids_by_fingerprint(self) -> dict[str, str]:
        created = {record.fingerprint: item for item, record in self.records.items()}
        return created | dict(self.confirmed_ids)

    def _may_let_in(self, item_id: str) -> bool:
        return item_id not in self.ended

    def _knows(self, certificate: ListedCertificate) -> bool:
        return (
            self.is_unwanted(certificate)
            or self.is_of_removed_device(certificate)
            or (isinstance(certificate, Certificate) and self.trusts(certificate))
        )


def known_ids(
    records: Mapping[str, Record], confirmed: Mapping[str, str | None], device_id: str
) -> frozenset[str]:
    """Return by what each certificate of a device is known, whether it lets somebody in or not.

    That is the id of one that was created for the device, and the fingerprint of one that a person
    confirmed as the device's.
    """
    created = {
        certificate_id
        for certificate_id, record in records.items()
        if record.device_id == device_id and record.fingerprint not in confirmed
    }
    return frozenset(created).union(
        fingerprint
        for fingerprint, of_device in confirmed.items()
        if of_device == device_id
    )
