"""Whether a field's numbers are exact or only upper bounds, as a value and in words."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core.graph import network_graph
from core.receptive_field import ReceptiveField, receptive_fields
from core.receptive_field.cli import main
from tests.core.random_networks import Call


def by_its_values(x: torch.Tensor) -> torch.Tensor:
    """Which pixel is read hangs on the input's values, so no map can be exact."""
    return x.gather(3, (x > 0).to(torch.int64))


class Bounded(nn.Sequential):
    """A convolution, a reading by values, and convolutions behind it."""

    def __init__(self) -> None:
        layers = nn.Conv2d(3, 3, 3, padding=1), Call(by_its_values, "values"), nn.Conv2d(3, 3, 3)
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1))


def last(fields: dict[str, ReceptiveField]) -> ReceptiveField:
    return list(fields.values())[-1]


def test_a_bound_begins_at_its_node_and_stays():
    fields = receptive_fields(Bounded(), (3, 9, 9))
    exact = [field.exact for field in fields.values()]
    assert exact[:2] == [True, True]
    first = exact.index(False)
    node = list(fields.values())[first]
    assert node.operation == "gather"
    assert not any(exact[first:])
    assert {field.bound for field in list(fields.values())[first:]} == {node.bound}
    assert node.bound.endswith("(at gather)")
    assert network_graph(Bounded(), (3, 9, 9))["gather"].bound


EXACT: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "global pooling": lambda x: F.adaptive_avg_pool2d(x, 1),
    "mean": lambda x: x - x.mean((2, 3), keepdim=True),
    "attention": lambda x: F.scaled_dot_product_attention(*[x.flatten(2).mT] * 3),
    "flattened": lambda x: F.linear(x.flatten(1), torch.ones(4, 3 * 81)),
    "statistics": lambda x: F.instance_norm(x),
}


@pytest.mark.parametrize("name", EXACT)
def test_what_reads_everything_by_its_structure_is_exact(name: str):
    field = last(receptive_fields(Call(EXACT[name], "whole"), (3, 9, 9)))
    assert all(axis.whole for axis in field.axes)
    assert (field.exact, field.bound) == (True, "")


def test_axes_that_cannot_be_followed_make_a_bound():
    joined = Call(lambda x: torch.cat([torch.zeros(1, 3, 1), x.flatten(2)], 2), "class token")
    field = last(receptive_fields(joined, (3, 9, 9)))
    assert field.bound == "cat mixes the image axes in a way that is not followed (at cat)"


def test_a_branch_of_which_only_a_bound_is_known_makes_the_sum_one():
    both = Call(lambda x: F.max_pool2d(x, 3, 1, 1) + by_its_values(x), "both")
    fields = receptive_fields(both, (3, 9, 9))
    assert fields["max_pool2d"].exact
    assert fields["add"].bound == fields["gather"].bound != ""


def test_a_bound_on_a_map_of_one_unit_is_what_that_unit_sees():
    """Not the whole image: an operation on one unit reads at most that unit."""
    shuffled = Call(lambda x: x.flatten(1).index_select(1, (x > 0).long().flatten()), "values")
    field = last(receptive_fields(nn.Sequential(nn.Conv2d(3, 3, 5), shuffled), (3, 5, 5)))
    assert (field.size, field.exact, field.axes[0].whole) == ((5, 5), False, False)
    assert "whole image" not in field.note


def test_a_constant_mask_that_chooses_between_branches_makes_a_bound():
    left = torch.arange(9) < 4
    near, far = (lambda x: F.avg_pool2d(x, 3, 1, 1)), (lambda x: F.avg_pool2d(x, 5, 1, 2))
    chosen = Call(lambda x: torch.where(left, near(x), far(x)), "chosen")
    field = last(receptive_fields(chosen, (3, 9, 9)))
    assert (field.size, field.exact) == ((5, 5), False)
    decided = Call(lambda x: torch.where(x > 0, near(x), far(x)), "decided")
    assert last(receptive_fields(decided, (3, 9, 9))).exact  # each may be taken, and x is read


def test_files_and_the_command_line_carry_it(capsys: pytest.CaptureFixture[str]):
    name = f"{__name__}:Bounded"
    main([name, "--input", "3,9,9", "--csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out.strip())))
    assert (rows[1]["size"], rows[1]["bound"]) == ("3", "")
    assert rows[-1]["size"].startswith("at most ")
    assert rows[-1]["bound"].endswith("(at gather)")
    main([name, "--input", "3,9,9", "--json"])
    data = json.loads(capsys.readouterr().out)
    assert (data[1]["bound"], data[-1]["bound"]) == ("", rows[-1]["bound"])
    main([name, "--input", "3,9,9"])
    assert "at most " in capsys.readouterr().out
