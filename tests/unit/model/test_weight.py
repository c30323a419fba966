"""What a tree may become, and the words for one that becomes more."""

import pytest

from receiver.model.weight import TreeLimits, Weight, refusal

LIMITS = TreeLimits(entries=1000, size_bytes=3 << 30)


@pytest.mark.parametrize(
    "weight", [Weight(), Weight(1000, 3 << 30, path_bytes=1024, name_bytes=255, link_bytes=4095)]
)
def test_what_is_within_its_limits_may_pass(weight: Weight) -> None:
    assert refusal(weight, LIMITS) is None


@pytest.mark.parametrize(
    ("weight", "reason", "seen"),
    [
        (Weight(1_048_577), "too-many-files", "It has 1,048,577 files and folders; the limit is"),
        (Weight(1001, at_least=True), "too-many-files", "more than 1,000 files and folders"),
        (Weight(10**400), "too-many-files", "more than 1,000,000,000,000 files and folders"),
        (Weight(1, 8 << 30), "tree-too-large", "take 8.0 GiB unpacked; the limit is 3.0 GiB."),
        (Weight(1, (3 << 30) + 1), "tree-too-large", "Its files take"),
        (Weight(1, 10**400), "tree-too-large", "more than 1,000,000,000,000 GiB"),
        (Weight(1, path_bytes=1025), "path-too-long", "1,025 bytes; the limit is 1,024."),
        (Weight(1, name_bytes=256), "path-too-long", "256 bytes; the limit is 255."),
        (Weight(1, link_bytes=4096), "path-too-long", "4,096 bytes; the limit is 4,095."),
    ],
)
def test_what_is_too_much_is_refused_with_its_size(weight: Weight, reason: str, seen: str) -> None:
    error = refusal(weight, LIMITS)
    assert error is not None
    assert error.reason == f"build/{reason}"
    assert seen in error.detail
