import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import example, given
from hypothesis import strategies as st

from shared.eventlog.kafka.partition import murmur2, partition_of


@given(st.binary(max_size=64), st.integers(1, 50))
@example(b"", 6)
@example(b"\xff" * 7, 6)
def test_a_key_goes_where_the_client_would_put_it(key, partitions):
    assert partition_of(key, partitions) == DefaultPartitioner()(key, list(range(partitions)), [])


@pytest.mark.parametrize(
    ("data", "signed"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)],
)
def test_the_hash_is_that_of_kafkas_own_tests(data, signed):
    assert murmur2(data) == signed % 2**32
