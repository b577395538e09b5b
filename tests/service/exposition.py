"""What /metrics answers, read by Prometheus' own parser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


def scraped(address: str, **headers: str) -> list[Sample]:
    """Every sample of one scrape."""
    answer = httpx2.get(f"{address}/metrics", headers=headers, trust_env=False, timeout=120)
    assert answer.status_code == 200, answer.text
    return list(_samples(answer.text))


def value(samples: list[Sample], name: str, **labels: str) -> float:
    """The sum of the samples of a name that have these labels; 0 where there is none."""
    return sum(sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items())


def _samples(text: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(text):
        yield from family.samples
