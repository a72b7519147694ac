"""Latencies, counted in buckets, so that those of several processes add up."""

import itertools
from collections.abc import Iterable

BUCKETS_PER_SECOND = 100_000  # 10 µs each
BUCKETS = 2 * BUCKETS_PER_SECOND  # what took longer than two seconds is in the last one


class Histogram:
    """How many of the latencies fell into which bucket."""

    def __init__(self) -> None:
        self._counts = [0] * BUCKETS

    def __len__(self) -> int:
        return sum(self._counts)

    def add(self, nanoseconds: int) -> None:
        bucket = nanoseconds // (1_000_000_000 // BUCKETS_PER_SECOND)
        self._counts[bucket if bucket < BUCKETS else BUCKETS - 1] += 1

    def percentile(self, share: float) -> float:
        """Return the milliseconds below which `share` of the latencies lie; nan without any."""
        wanted = share * len(self)
        if not wanted:
            return float("nan")
        sums = itertools.accumulate(self._counts)
        bucket = next(bucket for bucket, so_far in enumerate(sums) if so_far >= wanted)
        return (bucket + 0.5) / BUCKETS_PER_SECOND * 1000

    def packed(self) -> list[tuple[int, int]]:
        """Return the buckets that hold something, as JSON can have them."""
        return [(bucket, count) for bucket, count in enumerate(self._counts) if count]

    @classmethod
    def unpacked(cls, packs: Iterable[list[tuple[int, int]]]) -> "Histogram":
        """Return the sum of several."""
        whole = cls()
        for packed in packs:
            for bucket, count in packed:
                whole._counts[bucket] += count
        return whole
