"""The layer table's edits, against a naive oracle on nested lists; and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.networks import ConcatBlock, NetworkSpec, Repeat, ResidualBlock, layer_at, rows
from core.networks.notation import layer_to_notation, parse_notation, to_notation
from tests.core.network_strategies import chains, leaves, specs
from viz.components.layer_table.edits import (
    EDITS,
    MAX_BLOCK_TEXT,
    MAX_TEXT,
    MAX_UNDO,
    MENU,
    SUGGESTIONS,
    History,
    apply_edit,
    apply_message,
    refusal_data,
    table_rows,
)

# ---- the oracle: a network as nested lists, edited in place


def unpacked(layers: tuple) -> list:
    """Layers as a list; a block as [kind, times, branches]."""
    return [
        [layer.kind, getattr(layer, "times", None), [unpacked(each) for each in layer.branches]]
        if isinstance(layer, ResidualBlock | ConcatBlock | Repeat)
        else layer
        for layer in layers
    ]


def packed(items: list) -> tuple:
    found = []
    for item in items:
        if not isinstance(item, list):
            found.append(item)
            continue
        kind, times, branches = item[0], item[1], [packed(each) for each in item[2]]
        if kind == "repeat":
            (body,) = branches
            found.append(Repeat(times, body))
        else:
            found.append(
                ResidualBlock(*branches) if kind == "residual" else ConcatBlock(tuple(branches))
            )
    return tuple(found)


def holder(tree: list, path: list[int]) -> list:
    """The list that a path's last number is an index into."""
    here = tree
    for depth, index in enumerate(path[:-1]):
        here = here[index] if depth % 2 else here[index][2]
    return here


def expected(spec: NetworkSpec, message: dict[str, Any]) -> NetworkSpec:
    """What the edit must give, or SpecError."""
    tree, path, do = unpacked(spec.layers), message["path"], message["do"]
    here = holder(tree, path)
    text = message.get("text")
    new = unpacked(parse_notation(text).layers) if text is not None else []
    if do == "insert" and len(path) % 2 == 0:
        here.insert(path[-1], new)
    elif do == "insert":
        here[path[-1] : path[-1]] = new
    elif do == "set":
        here[path[-1] : path[-1] + 1] = new
    elif do == "copy":
        here.insert(path[-1], here[path[-1]])
    elif do == "remove":
        del here[path[-1]]
    else:
        row = here.pop(path[-1])
        target = holder(tree, message["to"])
        target.insert(message["to"][-1], row)
    return NetworkSpec(packed(tree))


TEXTS = chains(1, 1).map(lambda layers: to_notation(NetworkSpec(layers)))


def row_paths(spec: NetworkSpec) -> list[list[int]]:
    return [list(row.path) for row in rows(spec)]


def places(tree: list, prefix: list[int]) -> list[list[int]]:
    """Every place where a row can stand, those behind the last ones included."""
    found = []
    for index, item in enumerate(tree):
        found.append([*prefix, index])
        if isinstance(item, list):
            for branch, inner in enumerate(item[2]):
                found += places(inner, [*prefix, index, branch])
    return [*found, [*prefix, len(tree)]]


@st.composite
def edits(draw: st.DrawFn, spec: NetworkSpec) -> dict[str, Any]:
    """A message about a row or a place of a network."""
    do = draw(st.sampled_from(EDITS))
    path = draw(st.sampled_from(row_paths(spec)))
    message: dict[str, Any] = {"do": do, "path": path, "n": draw(st.integers(0, 9))}
    if do in ("set", "insert"):
        message["text"] = draw(TEXTS)
    if do == "insert":
        message["path"] = draw(st.sampled_from(places(unpacked(spec.layers), [])))
    elif draw(st.booleans()):
        message["was"] = next(
            row["text"] for row in table_rows(spec, {}) if row["path"] == message["path"]
        )
    if do == "move":
        tree = unpacked(spec.layers)
        del holder(tree, path)[path[-1]]
        message["to"] = draw(st.sampled_from(places(tree, [])))
    return message


@given(specs(), st.data())
def test_a_series_of_edits_is_what_lists_make_of_it(spec: NetworkSpec, data) -> None:
    for _ in range(4):
        message = data.draw(edits(spec))
        try:
            wanted = expected(spec, message)
        except SpecError:
            if message.get("to") == message["path"]:
                continue  # the only row where one must be, moved to where it is
            with pytest.raises(SpecError):
                apply_edit(spec, message)
            continue
        before = to_notation(spec)
        changed = apply_edit(spec, json.loads(json.dumps(message)))
        assert changed == wanted
        assert to_notation(spec) == before
        spec = changed


# ---- the rows


@given(specs(), st.data())
def test_rows_say_what_the_network_is(spec: NetworkSpec, data) -> None:
    told = data.draw(st.sets(st.sampled_from([row.path for row in rows(spec)])))
    table = table_rows(spec, {path: (str(path), "b") for path in told})
    assert json.loads(json.dumps(table)) == table
    tree = unpacked(spec.layers)
    assert [row["path"] for row in table] == row_paths(spec)
    for row in table:
        path = tuple(row["path"])
        layer, here = layer_at(spec, path), holder(tree, row["path"])
        assert row["of"] == len(here)
        assert row["cells"] == ([str(path), "b"] if path in told else [])
        item = here[path[-1]]
        if isinstance(item, list):
            assert [count for _, count in row["branches"]] == [len(each) for each in item[2]]
            assert [name for name, _ in row["branches"]] == list(layer.branch_names)
            assert row["text"] == (f"{item[1]}x" if item[0] == "repeat" else item[0])
            assert row["whole"] in (layer_to_notation(layer), "")
        else:
            assert (row["branches"], row["whole"]) == ([], "")
            assert row["text"] == layer_to_notation(layer)


@given(specs(), st.data())
def test_a_row_typed_as_it_is_shown_changes_nothing(spec: NetworkSpec, data) -> None:
    row = data.draw(st.sampled_from(table_rows(spec, {})))
    for text in filter(None, (row["text"], row["whole"], f"  {row['text']} ")):
        assert apply_edit(spec, {"do": "set", "path": row["path"], "text": text}) == spec


def test_a_block_too_long_for_one_line_has_only_its_head() -> None:
    short, long = (
        parse_notation(f"3x[{', '.join(['conv3 p1 c64'] * count)}]") for count in (3, 39)
    )
    assert table_rows(short, {})[0]["whole"] == to_notation(short)
    assert len(to_notation(long)) > MAX_BLOCK_TEXT
    assert table_rows(long, {})[0]["whole"] == ""
    many = parse_notation(f"2x[{', '.join(['bn'] * 41)}]")
    assert table_rows(many, {})[0]["whole"] == ""


# ---- heads of blocks

HEADS = [
    ("3x[relu, bn]", "5x", "5x[relu, bn]"),
    ("3x[relu, bn]", " 7× ", "7x[relu, bn]"),
    ("3x[relu]", "residual", "residual[relu]"),
    ("3x[relu]", "Concat", "concat[relu | ]"),
    ("residual[relu | bn]", "concat", "concat[relu | bn]"),
    ("residual[relu]", "2x", "2x[relu]"),
    ("concat[ | relu]", "2x", "2x[relu]"),
    ("concat[relu | bn]", "residual", "residual[relu | bn]"),
    ("concat[relu | bn]", "gap, flatten", "gap, flatten"),
]


@pytest.mark.parametrize("before, head, after", HEADS)
def test_a_head_typed_alone_keeps_what_the_block_holds(before, head, after) -> None:
    spec = parse_notation(before)
    assert to_notation(apply_edit(spec, {"do": "set", "path": [0], "text": head})) == after


@pytest.mark.parametrize(
    "before, head, sentence",
    [
        ("residual[relu | bn]", "2x", "branches must be one in a repeat (got 2)"),
        ("concat[relu | bn | gap]", "residual", "branches must be body and shortcut"),
        ("concat[ | relu]", "residual", "body must have at least one layer"),
        ("3x[relu]", "0x", "times must be at least 1"),
        ("3x[relu]", "2001x", "times must be at most 2,000"),
        ("relu", "residual", r"misses [ after residual"),
        ("relu", "", "must have at least one layer"),
    ],
)
def test_a_head_that_cannot_be_is_refused(before, head, sentence) -> None:
    with pytest.raises(SpecError) as caught:
        apply_edit(parse_notation(before), {"do": "set", "path": [0], "text": head})
    assert sentence in str(caught.value)


# ---- branches


@given(st.lists(chains(0, 0), min_size=2, max_size=3), chains(0, 0), TEXTS, st.data())
def test_a_branch_of_a_concat_comes_and_goes(branches, rest, text, data) -> None:
    block = ConcatBlock(tuple(branches))
    spec = NetworkSpec((block, *rest))
    place = data.draw(st.integers(0, len(block.branches)))
    message = {"do": "insert", "path": [0, place], "text": text}
    grown = apply_edit(spec, message)
    assert grown == expected(spec, message)
    assert apply_edit(grown, {"do": "remove", "path": [0, place]}) == spec


def test_a_shortcut_is_emptied_and_other_branches_stay() -> None:
    spec = parse_notation("residual[relu | bn], concat[relu | bn], 2x[relu]")
    emptied = apply_edit(spec, {"do": "remove", "path": [0, 1]})
    assert to_notation(emptied) == "residual[relu], concat[relu | bn], 2x[relu]"
    for path in ([0, 0], [1, 0], [1, 2], [2, 0], [0, 9], [0, 0, 0, 0]):
        with pytest.raises(SpecError):
            apply_edit(spec, {"do": "remove", "path": path})
    for do in ("set", "copy", "move"):
        with pytest.raises(SpecError, match="that this branch allows"):
            apply_edit(spec, {"do": do, "path": [1, 0], "text": "relu", "to": [0]})
    with pytest.raises(SpecError, match="that this branch allows"):
        apply_edit(spec, {"do": "insert", "path": [0, 1], "text": "relu"})


# ---- what is not the table's

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = {
    "do": st.sampled_from(EDITS) | JUNK,
    "path": st.lists(st.integers(-1, 4), max_size=5) | JUNK,
    "to": st.lists(st.integers(-1, 4), max_size=5) | JUNK,
    "text": TEXTS | JUNK,
    "was": JUNK,
}


@given(specs(), st.fixed_dictionaries({}, optional=FIELDS) | JUNK)
def test_any_message_gives_a_network_or_a_sentence(spec: NetworkSpec, message) -> None:
    try:
        assert isinstance(apply_edit(spec, message), NetworkSpec)
    except SpecError as error:
        shown = refusal_data(message, error)
        assert 0 < len(shown["sentence"]) < 400
        json.dumps(shown, allow_nan=False)


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"do": "shout"}, "edit must be one of set, insert"),
        ({"do": ["set"]}, "edit must be one of set, insert"),
        ({"path": []}, "path must be a list of 1 to 42"),
        ({"path": [0] * 43}, "path must be a list of 1 to 42"),
        ({"path": [True]}, "path must hold whole numbers"),
        ({"path": [10**5000]}, "path must hold whole numbers"),
        ({"path": "0"}, "path must be a list"),
        ({"path": [7]}, "path must be that of a row"),
        ({"path": [0, 0, 0]}, "path must"),
        ({"do": "insert", "path": [9]}, "path must be that of a row"),
        ({"do": "insert", "path": [0, 0, 0]}, "path must lead through blocks"),
        ({"do": "insert", "path": [1, 5, 0]}, "path must be that of a branch"),
        ({"text": None}, "text must be a text"),
        ({"text": "bn," * MAX_TEXT}, "text must have at most 4,000 characters"),
        ({"text": "bn, " * 900 + "2000x[bn]"}, "must be at most 2,000"),
        ({"text": "conv3 s0"}, "column 7: stride must be at least 1"),
        ({"was": "bn"}, "row is not what was in this row"),
        ({"was": ["relu"]}, "row is not what was in this row"),
        ({"do": "move", "to": None}, "to must be a list"),
        ({"do": "move", "to": [5]}, "path must"),
        ({"do": "move", "path": [1], "to": [1, 0, 0]}, "path must"),
    ],
)
def test_what_is_wrong_is_said(change, sentence) -> None:
    spec = parse_notation("relu, 2x[bn]")
    message = {"do": "set", "path": [0], "text": "gap", **change}
    with pytest.raises(SpecError) as caught:
        apply_edit(spec, message)
    shown = refusal_data(message, caught.value)
    assert sentence in shown["sentence"]
    assert spec == parse_notation("relu, 2x[bn]")


def test_a_refusal_names_the_row_and_what_was_typed() -> None:
    error = SpecError("stride", "must be at least 1", 0)
    message = {"do": "set", "path": [1, 0, 2], "text": "conv3 s0"}
    sentence = "stride must be at least 1 (got 0)"
    wanted = {"path": [1, 0, 2], "sentence": sentence, "text": "conv3 s0"}
    assert refusal_data(message, error) == wanted
    assert refusal_data({**message, "do": "insert"}, error) == wanted | {"text": None}
    assert refusal_data([], error) == {"path": [], "sentence": sentence, "text": None}


# ---- undo


@given(st.lists(leaves(), min_size=2, max_size=6, unique=True))
def test_undo_and_redo_walk_the_same_way(layers) -> None:
    history = History(NetworkSpec((layers[0],)))
    seen = [history]
    for layer in layers[1:]:
        history = apply_message(
            history, {"do": "insert", "path": [0], "text": to_notation(NetworkSpec((layer,)))}
        )
        seen.append(history)
    for wanted in reversed(seen[:-1]):
        history = apply_message(history, {"do": "undo", "path": []})
        assert history.spec == wanted.spec
    assert apply_message(history, {"do": "undo"}) == history
    for wanted in seen[1:]:
        history = apply_message(history, {"do": "redo"})
        assert history.spec == wanted.spec
    assert apply_message(history, {"do": "redo"}) == history


def test_a_new_edit_forgets_what_was_undone_and_old_ones_are_forgotten() -> None:
    history = History(parse_notation("relu"))
    for _ in range(MAX_UNDO + 9):
        history = apply_message(history, {"do": "copy", "path": [0]})
    assert len(history.past) == MAX_UNDO
    assert history.after_change(history.spec) is history
    undone = history.undone()
    assert undone.future == (history.spec,)
    assert apply_message(undone, {"do": "set", "path": [0], "text": "bn"}).future == ()
    for message in (None, [], {"do": "undone"}):
        with pytest.raises(SpecError):
            apply_message(history, message)  # type: ignore[arg-type]


# ---- what it offers


@pytest.mark.parametrize("text", [*MENU, *SUGGESTIONS])
def test_what_is_offered_can_be_read(text: str) -> None:
    assert parse_notation(text).layers
