"""Rows and lanes of random graphs: nothing overlaps, edges go down and pass where no box is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.plots.graphs.graph_layout import compute_layout


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    parents: list[list[int]] = []
    for box in range(draw(st.integers(1, 30))):
        near = st.integers(max(0, box - draw(st.integers(1, 12))), box - 1) if box else st.nothing()
        parents.append(
            draw(st.lists(near, min_size=bool(box), max_size=4, unique=True)) if box else []
        )
    return parents


@given(graphs())
def test_no_two_boxes_share_a_place_and_every_edge_goes_down(parents: list[list[int]]) -> None:
    placed = compute_layout(parents)
    places = list(zip(placed.rows, placed.lanes, strict=True))
    assert len(set(places)) == len(parents)
    for box, read in enumerate(parents):
        assert all(placed.rows[parent] < placed.rows[box] for parent in read)
        assert not read or placed.rows[box] == 1 + max(placed.rows[parent] for parent in read)
    assert max(placed.rows) + 1 == placed.row_count
    assert all(0 <= lane < placed.lane_count for lane in (*placed.lanes, *placed.passes.values()))
    assert placed.empty == set(range(placed.lane_count)) - set(placed.lanes)


@given(graphs())
def test_edges_pass_rows_where_no_box_and_no_other_edge_is(parents: list[list[int]]) -> None:
    placed = compute_layout(parents)
    boxes = set(zip(placed.rows, placed.lanes, strict=True))
    ways: dict[tuple[int, int], int] = {}
    for box, read in enumerate(parents):
        for parent in read:
            for row in range(placed.rows[parent] + 1, placed.rows[box]):
                here = (row, placed.passes[parent])
                assert here not in boxes
                assert ways.setdefault(here, parent) == parent


def test_a_chain_is_one_lane() -> None:
    placed = compute_layout([[], [0], [1], [2]])
    assert (placed.rows, placed.lanes, placed.lane_count) == ((0, 1, 2, 3), (0, 0, 0, 0), 1)


def test_a_skip_passes_beside_its_block_and_the_trunk_stays_straight() -> None:
    placed = compute_layout([[], [0], [1], [2, 0], [3], [4], [5, 3]])
    assert set(placed.lanes) == {0}
    assert placed.passes[0] == placed.passes[3] == 1
    assert placed.empty == {1}


def test_branches_stand_side_by_side_in_the_order_they_run() -> None:
    placed = compute_layout([[], [0], [0], [2], [0], [4], [1, 3, 5]])
    assert placed.rows == (0, 1, 1, 2, 1, 2, 3)
    assert placed.lanes[1] < placed.lanes[2] == placed.lanes[3] < placed.lanes[4]
    assert placed.lanes[0] == placed.lanes[2] == placed.lanes[6]


def test_the_long_skip_goes_around_the_short_one() -> None:
    placed = compute_layout([[], [0], [1], [2], [3, 1], [4, 0]])
    assert placed.lanes[0] < placed.passes[1] < placed.passes[0]


def test_a_branch_of_a_branch_stands_further_out() -> None:
    # 0 forks into 1 (which forks into 2 and 3, joined in 4) and the longer 5 to 9; 10 joins both
    placed = compute_layout([[], [0], [1], [1], [2, 3], [0], [5], [6], [7], [8], [4, 9]])
    trunk, left = placed.lanes[0], placed.lanes[1]
    assert trunk == placed.lanes[5] == placed.lanes[10]
    assert {placed.lanes[2], placed.lanes[3]} == {left, left - 1}
    assert left == trunk - 1


def test_nothing_has_no_place() -> None:
    assert compute_layout([]).lane_count == compute_layout([]).row_count == 0
