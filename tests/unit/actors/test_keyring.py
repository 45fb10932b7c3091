"""Keys at rest."""

from pathlib import Path

import pytest

from actors.cognisys.keyring import KeyRing
from vareon_runtime.errors import ConfigurationError

OLD = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
NEW = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def test_what_is_sealed_opens_again() -> None:
    """And differs each time; nothing stays nothing."""
    ring = KeyRing((OLD,))
    sealed = ring.encrypt("sk-secret")
    assert "secret" not in sealed
    assert sealed != ring.encrypt("sk-secret")
    assert ring.decrypt(sealed) == "sk-secret"
    assert ring.encrypt("") == ring.decrypt("") == ""


def test_a_newer_key_opens_what_the_older_sealed() -> None:
    """New secrets are sealed with the first key."""
    sealed = KeyRing((OLD,)).encrypt("sk-secret")
    both = KeyRing((NEW, OLD))
    assert both.decrypt(sealed) == "sk-secret"
    assert KeyRing((NEW,)).decrypt(both.encrypt("x")) == "x"


def test_another_key_says_what_to_do() -> None:
    """A restored backup without its key file is understood."""
    sealed = KeyRing((OLD,)).encrypt("sk-secret")
    with pytest.raises(ConfigurationError, match="restore that file"):
        KeyRing((NEW,)).decrypt(sealed)
    with pytest.raises(ConfigurationError, match="not a Fernet key"):
        KeyRing(("short",)).encrypt("x")


def test_it_is_read_from_its_file(tmp_path: Path) -> None:
    """One key a line; a missing or empty file is said so."""
    path = tmp_path / "encryption.key"
    with pytest.raises(ConfigurationError):
        KeyRing.from_file(path)
    path.write_text("\n")
    with pytest.raises(ConfigurationError):
        KeyRing.from_file(path)
    path.write_text(f"{NEW}\n{OLD}\n")
    assert KeyRing.from_file(path).decrypt(KeyRing((OLD,)).encrypt("x")) == "x"
