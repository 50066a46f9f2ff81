import time
from uuid import RFC_4122, UUID

import pytest

from common.ids import new_id, stable_hash
from common.messaging.outbox import PARTS, part_of


def test_an_id_is_a_uuid_of_version_7_and_tells_its_time():
    before_ms = time.time_ns() // 1_000_000
    made = [new_id() for _ in range(2000)]
    after_ms = time.time_ns() // 1_000_000

    assert {each.version for each in made} == {7}
    assert {each.variant for each in made} == {RFC_4122}
    assert all(before_ms <= each.int >> 80 <= after_ms for each in made)
    assert len(set(made)) == 2000


def test_ids_of_a_later_millisecond_are_larger():
    earlier = new_id()
    while time.time_ns() // 1_000_000 == earlier.int >> 80:
        pass

    assert new_id() > earlier
    assert str(new_id()) > str(earlier)


def test_all_random_bits_of_an_id_are_random():
    seen_one, seen_zero = 0, (1 << 128) - 1
    for _ in range(400):
        made = new_id().int
        seen_one |= made
        seen_zero &= made

    random_bits = ((1 << 12) - 1) << 64 | ((1 << 62) - 1)
    assert seen_one & random_bits == random_bits
    assert seen_zero & random_bits == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"", 0xE4A6A0577479B2B4), (b"fairway", 0x25277C30E1F0A304)],
)
def test_a_stable_hash_is_blake2b_of_64_bits(value, expected):
    assert stable_hash(value) == expected


def test_the_outbox_partition_of_an_aggregate_never_changes():
    """It is stored with every event: another partition would be another relay, and no order."""
    known = {
        "01936f5e-8a2b-7c3d-9e4f-5a6b7c8d9e0f": 11,
        "00000000-0000-0000-0000-000000000000": 14,
        "ffffffff-ffff-ffff-ffff-ffffffffffff": 7,
    }

    assert {each: part_of(UUID(each)) for each in known} == known


def test_partitions_are_used_evenly():
    counts = [0] * PARTS
    for _ in range(3200):
        counts[part_of(new_id())] += 1

    assert min(counts) > 120
    assert max(counts) < 300
