import pytest

from shared import apikeys


def test_a_key_survives_being_written_and_read():
    key = apikeys.generate(bytes(range(apikeys.RANDOM_BYTES)))
    assert apikeys.parse(key.text) == key
    assert key.text.startswith("attache_")


def test_only_the_stored_secret_verifies():
    key = apikeys.generate(b"a" * apikeys.RANDOM_BYTES)
    other = apikeys.generate(b"a" * apikeys.ID_BYTES + b"b" * apikeys.SECRET_BYTES)
    assert other.id == key.id
    assert apikeys.verify(key, key.digest)
    assert not apikeys.verify(other, key.digest)


def test_an_unknown_id_never_verifies():
    assert not apikeys.verify(apikeys.generate(b"a" * apikeys.RANDOM_BYTES), None)


@pytest.mark.parametrize("text", ["", "attache_x_y", "attaché_" + "a" * 16 + "_" + "b" * 52, "a" * 16 + "_" + "b" * 52])
def test_what_is_no_key_by_form_is_none(text):
    assert apikeys.parse(text) is None


def test_the_secret_is_not_in_the_representation():
    key = apikeys.generate(b"a" * apikeys.RANDOM_BYTES)
    assert key.secret not in repr(key)


def test_too_little_randomness_is_refused():
    with pytest.raises(ValueError, match="42 random bytes"):
        apikeys.generate(b"short")
