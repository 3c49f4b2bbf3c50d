"""Receptive fields of ResNet-152 at 224×224: the closed form against the measured way.

The closed form gives all layers; the measured way, which runs the network and goes back through
it, gives one. Both begin with the same module; the first round, which warms both up, does not
count.

python -m tests.benchmarks.receptive_field [--network resnet152] [--repeats 5]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import perf_counter

from core.networks.zoo import NAMES, build, entry
from core.receptive_field import measure_receptive_field, receptive_fields
from tests.benchmarks.harness import interleaved, table


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=NAMES, default="resnet152", metavar="NAME")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    network, size = build(options.network), entry(options.network).input_size
    fields = receptive_fields(network, size)
    layer = [name for name, field in fields.items() if field.kind == "window"][-1]
    quantity = f"{options.network} at {size[1]}"
    measures = {
        "closed": lambda: {quantity: seconds(lambda: receptive_fields(network, size))},
        "measured": lambda: {
            quantity: seconds(lambda: measure_receptive_field(network, size, layer))
        },
    }
    interleaved(1, measures)  # warms both up; not counted
    results = interleaved(options.repeats, measures)
    print(table(results, "closed", "measured"))
    ours, theirs = (sum(results[name][quantity]) for name in measures)
    print(
        f"closed: all {len(fields)} nodes; measured: {layer} alone, {theirs / ours:.0f} times as long"
    )


if __name__ == "__main__":
    main()
