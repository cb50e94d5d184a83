"""RSA keys for tests: it takes a tenth of a second to create one, and the tests need thousands."""

from collections import Counter, defaultdict
from threading import Lock

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_create = rsa.generate_private_key


class RsaKeys:
    """Keys that one test after the other is given, no test the same one twice."""

    def __init__(self) -> None:
        """Start without any key."""
        self._keys = defaultdict[tuple[int, int], list[RSAPrivateKey]](list)
        self._given = Counter[tuple[int, int]]()
        self._lock = Lock()

    def begin_test(self) -> None:
        """Give all keys again."""
        self._given.clear()

    def generate(self, public_exponent: int, key_size: int) -> RSAPrivateKey:
        """Return a key that this test was not given before; create it if there is none."""
        kind = public_exponent, key_size
        with self._lock:
            keys, number = self._keys[kind], self._given[kind]
            if number == len(keys):
                keys.append(_create(public_exponent, key_size))
            self._given[kind] += 1
            return keys[number]
