"""What stands below the panels of the gradient page: one function a tab."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from core.gradients.recipe import FlowSpec
from viz.choices import board as choices_board
from viz.choices import layer, picture
from viz.choices.layer import PlayerView
from viz.components.player.player import player
from viz.features.gradients import compute, export, params
from viz.features.gradients import plots as figures
from viz.features.gradients.controls import flow_controls
from viz.features.gradients.params import (
    BY_HAND,
    COMPARED,
    LAYERS,
    OWN,
    PAGE,
    GradientSettings,
    Shown,
    flow_labels,
    layer_name,
)
from viz.page import progress, words
from viz.page.save_menu import save_menu
from viz.page.session import PageState, bind_widget, change
from viz.page.widgets import widget
from viz.server.queue import View
from viz.slides.style import Picture

if TYPE_CHECKING:
    from core.gradients.flow import GradientFlow

SLOT = "flow"
EVEN_READING = (
    "A convolution, a pooling or a blur without dilation reads evenly exactly when its kernel size "
    "is a multiple of its stride (Odena et al., 2016); a transposed convolution always reads its "
    "inputs evenly."
)


def save(panels: Sequence[Shown], values: GradientSettings, more: Sequence[Picture]) -> None:
    """What is on show as files, that of the open tab first."""
    layers = export.picture_of_layers(panels, values)
    save_menu(PAGE, [*more, layers], export.settings(values))


def table(key: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table in Markdown: words left, numbers right."""
    marks = [":--", *["--:"] * (len(heads) - 1)]
    lines = [heads, marks, *rows]
    with st.container(key=f"wide_{key}"):
        st.markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))


def percent(share: float) -> str:
    """``75 %``, ``98.4 %``."""
    return f"{100 * share:.3g} %"


def _numbers(panels: list[Shown], page: PageState[GradientSettings]) -> None:
    values = page.values
    rows = []
    for each in panels:
        downstream = params.arriving(values, each)
        result = compute.gradient(each.board, downstream)
        statistics = result.statistics
        off = "–"
        if downstream.kind == "unit":
            off = f"{compute.off_closed_form(each.board, downstream):.1g}"
        rows.append([f"**{each.title}**", f"{statistics.reached}", percent(statistics.zeros),
                     f"{statistics.mean_abs:.3g}", f"{statistics.std:.3g}", f"{statistics.ratio:.3g}", off])  # fmt: skip
    st.markdown("The gradients above, as PyTorch's autograd gives them.")
    heads = ("layer", "pixels reached", "exact zeros", "mean of abs. g", "std of g",
             "largest / smallest", "off the closed form")  # fmt: skip
    table("numbers", heads, rows)
    st.caption(
        "*largest / smallest*: of |g|, zeros left out; 1 is an even spread. *Off the closed form*: "
        "largest difference to the weights of the unit's window (a kernel's weights, 1/k² of a "
        "mean, 1 at the winner of a maximum)."
    )
    _claims(values)


def _claims(values: GradientSettings) -> None:
    upload = picture.loaded_upload()
    names = [*LAYERS, *([OWN] if OWN in values.shown else [])]
    rows = []
    for name in names:
        each = params.layer(values, name, upload)
        claim = compute.claim(each.board)
        spread = f"{claim.least}" if claim.least == claim.most else f"{claim.least} to {claim.most}"
        rows.append([f"**{each.title}**", f"{claim.interior}", f"{claim.corner}",
                     percent(claim.starved), percent(claim.zeros), spread,
                     "yes" if claim.even else "no"])  # fmt: skip
    st.markdown("The usual claims, measured on this input, whatever is shown above.")
    heads = ("layer", "a middle unit reaches (px)", "the corner unit (px)",
             "sent nothing by any unit", "exact zeros, all units alike",
             "units that send a pixel something", "read evenly")  # fmt: skip
    table("claims", heads, rows)
    st.caption(
        "Pixels *sent nothing* learn nothing from this layer. The last two columns leave out the "
        f"border. {EVEN_READING}"
    )


def _counts(panels: list[Shown], page: PageState[GradientSettings]) -> list[Picture]:
    st.markdown(
        "How many windows read each pixel, in closed form, above how many units send it a "
        "gradient, measured. They agree for sums and means without zero weights; a maximum "
        "sends to its winner only."
    )
    counted_by_name = {each.name: compute.counts(each.board) for each in panels}
    top = float(max(max(c.reads.max(), c.sent.max()) for c in counted_by_name.values()))
    with st.container(horizontal=True):
        for each in panels:
            counted = counted_by_name[each.name]
            figure = figures.counts_figure(
                counted.reads, counted.sent, each.title, top, even=counted.even
            )
            st.plotly_chart(figure, width="content", theme="streamlit", key=f"counts_{each.name}",
                            config={"displayModeBar": False})  # fmt: skip
    return [export.picture_of_counts(panels, page.values)]


def _back(panels: list[Shown], page: PageState[GradientSettings]) -> list[Picture]:
    values = page.values
    options = [n for n, spec in LAYERS.items() if spec.operation == "convolution"]
    upload = picture.loaded_upload()
    own = params.layer(values, OWN, upload)
    if own.board.layer.operation == "convolution":
        options.append(OWN)
    name = values.back_layer
    if name not in options:
        name = next((each.name for each in panels if each.name in options), "conv3")
    left, right = st.columns([1.4, 2], vertical_alignment="bottom")
    left.selectbox(
        "convolution",
        options,
        format_func=layer_name,
        key=bind_widget("back_shown", name, name),
        on_change=_on_layer,
    )
    right.radio(
        "step",
        list(BY_HAND.values()),
        horizontal=True,
        key=bind_widget("back_step", values.back_step),
    )
    each = params.layer(values, name, upload)
    downstream = params.arriving(values, each)
    result = compute.backward(each.board, downstream)
    st.markdown(_verdict(each, result.difference))
    step = next(key for key, label in BY_HAND.items() if label == values.back_step)
    if step == "sweep":
        _sweep(each, page)
    else:
        st.plotly_chart(figures.backward_figure(result, step), width="content", theme="streamlit",
                        key=f"back_{step}", config={"displayModeBar": False})  # fmt: skip
    return [export.picture_of_backward(each, values)]


def _on_layer() -> None:
    change(PAGE, {"back_layer": st.session_state["back_shown"], "step": -1, "pin": ""})


def _verdict(each: Shown, difference: float) -> str:
    rows, cols = each.board.layer.stride
    zeros = f"{rows - 1}" if rows == cols else f"{rows - 1} (rows) and {cols - 1} (columns)"
    verdict = "the same ✓" if difference < 1e-6 else "**they differ**"
    return (
        f"**{each.title}, backwards**: put stride − 1 = {zeros} zeros between the upstream gradients, turn "
        "the kernel by 180°, and slide it with stride 1. That is a transposed convolution. By hand "
        f"and by PyTorch's autograd the results differ by at most {difference:.1g}: {verdict}"
    )


def _sweep(each: Shown, page: PageState[GradientSettings]) -> None:
    downstream = params.arriving(page.values, each)
    board = compute.backward_board(each.board, downstream)
    payload = choices_board.payload(board) | {
        "editable": {"kernel": False, "input": False},
        "signed": True,  # gradients: no brightness of a picture
    }
    output = choices_board.sweep(board).output.shape
    captions = payload["captions"] | {
        "input": f"upstream gradient {words.times(board.source.size)}, zeros put in",
        "output": f"gradient at the input {words.times((output[1], output[2]))}",
    }
    title = f"{each.title}: its backward pass"
    token = f"{page.adopted} {hash(board)}"
    if st.session_state.get("gradients_view", {}).get("token") != token:
        view = PlayerView.of(page.values.flat).flat | {"token": token}
        st.session_state["gradients_view"] = view
    player(
        [payload | {"name": "", "title": title, "captions": captions}],
        st.session_state["gradients_view"],
        {
            "presets": [], "preset": None, "comparisons": {"off": "one board"}, "compare": "off",
            "sizes": [choices_board.size_line(board, note=_padding_copies_note(each))],
        },
        identity=str(hash(board)),
        token=token,
        key="backward_player",
        callbacks={"view": _on_view},
    )  # fmt: skip


def _padding_copies_note(each: Shown) -> str:
    if each.board.layer.padding_mode == "zeros":
        return ""
    return (
        "This is the gradient at the padded input: the share of each copy in the padding is then "
        "added to the pixel it was copied from."
    )


def _on_view() -> None:
    change(PAGE, layer.view_values(st.session_state["backward_player"].view))


def _depth(panels: list[Shown], page: PageState[GradientSettings]) -> list[Picture]:
    values = page.values
    flow_controls(values)
    specs = params.flows(values)
    widget(values, "weight_norms")

    key = tuple(specs.values())

    def draw(views: Mapping[Hashable, View]) -> None:
        _flow_view(specs, key, views[key], values)

    view = progress.show(SLOT, {key: compute.flows(key)}, draw)[key]
    _dead()
    flows = view.result or {}
    ready = {label: flows[spec] for label, spec in specs.items() if spec in flows}
    saved = [export.picture_of_flow(ready, values)] if ready else []
    return [*saved, export.picture_of_dead()]


def _flow_view(
    specs: Mapping[str, FlowSpec], key: Hashable, view: View, values: GradientSettings
) -> None:
    """How far it is, the curves so far, and the table."""
    stopped = "Stopped. What was done so far stays."
    progress.status_line(SLOT, key, view, "Drawing networks", stopped=stopped)
    flows: Mapping[FlowSpec, GradientFlow] = view.result or view.partial or {}
    ready = {label: flows[spec] for label, spec in specs.items() if spec in flows}
    if not ready:
        return
    name = COMPARED[values.compare][0]
    title = f"Gradient norm per layer at initialisation, by {name}"
    figure = figures.flow_figure(
        ready, title, [_recipe(values, ready)], weights=values.weight_norms
    )
    st.plotly_chart(figure, theme="streamlit", key="flow")
    heads = (name, "norm at the image", "factor per layer", "below 1/1000 from layer",
             "exact zeros at the image", "draws")  # fmt: skip
    table("flow", heads, [_flow_row(label, flow) for label, flow in ready.items()])


def _flow_row(label: str, flow: GradientFlow) -> list[str]:
    dies = flow.vanishing_layer()
    return [
        f"**{label}**",
        f"{flow.median[0]:.3g}",
        f"{flow.factor_per_layer:.3g}",
        "never" if dies is None else f"{dies} down",
        percent(float(flow.zeros[:, 0].mean())),
        f"{flow.draws}",
    ]


def _recipe(values: GradientSettings, ready: Mapping[str, GradientFlow]) -> str:
    spec = next(iter(ready.values())).spec
    settings_text = ", ".join(
        f"{COMPARED[key][0]}: {flow_labels(key)[getattr(spec, key)]}"
        for key in COMPARED
        if key != values.compare
    )
    return (
        f"{spec.depth} 3×3 convolutions of {spec.width} channels, {spec.levels} downsampling layers (◀), "
        f"noise of {spec.side}×{spec.side}, batch {spec.batch}; {settings_text}. The upstream gradient of "
        f"the last layer is random, of norm 1. Line: median over the seeds from {spec.seed} on; band: 10 % "
        "to 90 % of them."
    )


def _dead() -> None:
    st.markdown(
        "**Stacked max pooling.** Of each 2×2 window one pixel wins; through $L$ layers one pixel "
        "of $4^L$ is left, so $1 - 4^{-L}$ of the image gets no gradient."
    )
    rows = [
        [f"**{share.levels}**", percent_exact(share.measured), percent_exact(share.expected)]
        for share in compute.dead_shares()
    ]
    table("dead", ("2×2 max-pools, L", "without gradient, measured", "$1 - 4^{-L}$"), rows)


def percent_exact(share: float) -> str:
    """``99.902344 %``: shares that differ in late digits."""
    return f"{100 * share:.8g} %"


Draw = Callable[[list[Shown], PageState[GradientSettings]], "list[Picture] | None"]
DRAW: dict[str, Draw] = {
    "numbers": _numbers,
    "counts": _counts,
    "back": _back,
    "depth": _depth,
}
"""One function a tab, by its name in the URL: draws it, and returns what can be saved."""
