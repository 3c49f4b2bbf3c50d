"""The tabs of the gradient page, below the charts of the layers; each has one function."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from core.gradients.recipe import FlowSpec
from core.plots.gradients import backward_plot, read_counts_plot
from viz.choices import board as choices_board
from viz.choices import layer, picture
from viz.choices.layer import PlayerView
from viz.components.player.player import player
from viz.features.gradients import compute, export, params
from viz.features.gradients.controls import flow_controls
from viz.features.gradients.params import (
    BY_HAND,
    COMPARED,
    LAYERS,
    OWN,
    PAGE,
    GradientSettings,
    PageLayer,
    layer_name,
)
from viz.page import progress, words
from viz.page.plots import show_plot
from viz.page.save_menu import save_menu
from viz.page.session import PageState, bind_widget, change_settings
from viz.page.widgets import widget
from viz.server.queue import View
from viz.slides.style import Picture

if TYPE_CHECKING:
    from core.gradients.flow import GradientFlow

BACKWARD_STEPS = {
    "arriving": ("upstream",),
    "inserted": ("upstream", "inserted"),
    "flipped": ("kernel", "flipped"),
}
"""Panels of `core.plots.gradients.backward_plot` by name of a step in the URL."""
SLOT = "flow"
"""Slot of the deep networks' computation in `viz.page.progress`."""
EVEN_READING = (
    "A convolution, a pooling or a blur without dilation reads evenly exactly when its kernel size "
    "is a multiple of its stride (Odena et al., 2016); a transposed convolution always reads its "
    "inputs evenly."
)


def draw_save_menu(
    panels: Sequence[PageLayer], values: GradientSettings, pictures: Sequence[Picture]
) -> None:
    """Draw the menu that saves the pictures of the open tab and that of the layers."""
    layers = export.picture_of_layers(panels, values)
    save_menu(PAGE, [*pictures, layers], export.settings_text(values))


def markdown_table(key: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Draw a table in Markdown; the first column is aligned left, the others right."""
    marks = [":--", *["--:"] * (len(heads) - 1)]
    lines = [heads, marks, *rows]
    with st.container(key=f"wide_{key}"):
        st.markdown("\n".join("| " + " | ".join(line) + " |" for line in lines))


def percent_3_digits(share: float) -> str:
    """A share with three significant digits: ``75 %``, ``98.4 %``."""
    return f"{100 * share:.3g} %"


def _numbers_tab(panels: list[PageLayer], page: PageState[GradientSettings]) -> None:
    """Draw the statistics of each layer's gradient, and the table of claims."""
    values = page.values
    rows = []
    for each in panels:
        upstream = params.upstream_gradient(values, each)
        result = compute.gradient(each.board, upstream)
        statistics = result.statistics
        error = "–"
        if upstream.kind == "unit":
            error = f"{compute.closed_form_error(each.board, upstream):.1g}"
        rows.append([f"**{each.title}**", f"{statistics.reached}", percent_3_digits(statistics.zeros),
                     f"{statistics.mean_abs:.3g}", f"{statistics.std:.3g}", f"{statistics.ratio:.3g}", error])  # fmt: skip
    st.markdown("The gradients above, as PyTorch's autograd gives them.")
    heads = ("layer", "pixels reached", "exact zeros", "mean of abs. g", "std of g",
             "largest / smallest", "off the closed form")  # fmt: skip
    markdown_table("numbers", heads, rows)
    st.caption(
        "*largest / smallest*: of |g|, zeros left out; 1 is an even spread. *Off the closed form*: "
        "largest difference to the weights of the unit's window (a kernel's weights, 1/k² of a "
        "mean, 1 at the winner of a maximum)."
    )
    _claims_table(values)


def _claims_table(values: GradientSettings) -> None:
    """Draw a table of `LayerClaims` for all common layers, and the own one if it is chosen."""
    upload = picture.loaded_upload()
    names = [*LAYERS, *([OWN] if OWN in values.shown else [])]
    rows = []
    for name in names:
        each = params.layer(values, name, upload)
        claim = compute.layer_claims(each.board)
        spread = f"{claim.least}" if claim.least == claim.most else f"{claim.least} to {claim.most}"
        rows.append([f"**{each.title}**", f"{claim.interior}", f"{claim.corner}",
                     percent_3_digits(claim.starved), percent_3_digits(claim.zeros), spread,
                     "yes" if claim.even else "no"])  # fmt: skip
    st.markdown("The usual claims, measured on this input, whatever is shown above.")
    heads = ("layer", "a middle unit reaches (px)", "the corner unit (px)",
             "sent nothing by any unit", "exact zeros, all units alike",
             "units that send a pixel something", "read evenly")  # fmt: skip
    markdown_table("claims", heads, rows)
    st.caption(
        "Pixels *sent nothing* learn nothing from this layer. The last two columns leave out the "
        f"border. {EVEN_READING}"
    )


def _counts_tab(panels: list[PageLayer], page: PageState[GradientSettings]) -> list[Picture]:
    """Draw the read counts of each layer."""
    st.markdown(
        "How many windows read each pixel, in closed form, and how many units send it a "
        "gradient, measured. They agree for sums and means without zero weights; a maximum "
        "sends to its winner only."
    )
    show_plot(read_counts_plot(export.read_counts(panels)), "counts")
    return [export.picture_of_counts(panels, page.values)]


def _backward_tab(panels: list[PageLayer], page: PageState[GradientSettings]) -> list[Picture]:
    """Draw the chosen step of a convolution's backward pass."""
    values = page.values
    name = params.backward_layer_name(values, panels)
    left, right = st.columns([1.4, 2], vertical_alignment="bottom")
    left.selectbox(
        "convolution",
        params.backward_layer_names(values),
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
    each = params.layer(values, name, picture.loaded_upload())
    result = compute.backward(each.board, params.upstream_gradient(values, each))
    st.markdown(_backward_sentence(each, result.difference))
    step = next(key for key, label in BY_HAND.items() if label == values.back_step)
    if step == "sweep":
        _draw_sweep(each, page)
    else:
        show_plot(backward_plot(result, steps=BACKWARD_STEPS[step]), f"back_{step}")
    return [export.picture_of_backward(each, values)]


def _on_layer() -> None:
    """Callback of another convolution: its sweep starts at the last step, without a pin."""
    change_settings(PAGE, {"back_layer": st.session_state["back_shown"], "step": -1, "pin": ""})


def _backward_sentence(each: PageLayer, difference: float) -> str:
    """How the backward pass is computed by hand, and how far its result is from autograd's."""
    rows, cols = each.board.layer.stride
    zeros = f"{rows - 1}" if rows == cols else f"{rows - 1} (rows) and {cols - 1} (columns)"
    verdict = "the same ✓" if difference < 1e-6 else "**they differ**"
    return (
        f"**{each.title}, backwards**: put stride − 1 = {zeros} zeros between the upstream gradients, turn "
        "the kernel by 180°, and slide it with stride 1. That is a transposed convolution. By hand "
        f"and by PyTorch's autograd the results differ by at most {difference:.1g}: {verdict}"
    )


def _draw_sweep(each: PageLayer, page: PageState[GradientSettings]) -> None:
    """Draw the player with the transposed convolution of the backward pass."""
    board = compute.backward_board(each.board, params.upstream_gradient(page.values, each))
    payload = choices_board.player_data(board) | {
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
            "presets": [], "preset": None, "comparisons": {"off": "one layer"}, "compare": "off",
            "sizes": [choices_board.size_line_data(board, note=_padding_copies_note(each))],
        },
        identity=str(hash(board)),
        token=token,
        key="backward_player",
        callbacks={"view": _on_view},
    )  # fmt: skip


def _padding_copies_note(each: PageLayer) -> str:
    """A note on the gradient at the padded input if the padding copies pixels, else ""."""
    if each.board.layer.padding_mode == "zeros":
        return ""
    return (
        "This is the gradient at the padded input: the share of each copy in the padding is then "
        "added to the pixel it was copied from."
    )


def _on_view() -> None:
    """Callback of the player's view."""
    change_settings(PAGE, layer.player_view_values(st.session_state["backward_player"].view))


def _depth_tab(panels: list[PageLayer], page: PageState[GradientSettings]) -> list[Picture]:
    """Draw the gradient norms in deep networks, and the table of stacked max pooling."""
    values = page.values
    flow_controls(values)
    specs = params.flow_specs(values)
    widget(values, "weight_norms")

    key = tuple(specs.values())

    def draw(views: Mapping[Hashable, View]) -> None:
        _flow_view(specs, key, views[key], values)

    view = progress.request_and_draw(SLOT, {key: compute.flows_work(key)}, draw)[key]
    _dead_shares_table()
    flows = view.result or {}
    ready = {label: flows[spec] for label, spec in specs.items() if spec in flows}
    saved = [export.picture_of_flow(ready, values)] if ready else []
    return [*saved, export.picture_of_dead_shares()]


def _flow_view(
    specs: Mapping[str, FlowSpec], key: Hashable, view: View, values: GradientSettings
) -> None:
    """Draw the progress of the networks' computation, their curves so far, and a table of them."""
    stopped = "Stopped. What was done so far stays."
    progress.status_line(SLOT, key, view, "Drawing networks", stopped=stopped)
    flows: Mapping[FlowSpec, GradientFlow] = view.result or view.partial or {}
    ready = {label: flows[spec] for label, spec in specs.items() if spec in flows}
    if not ready:
        return
    name = COMPARED[values.compare][0]
    show_plot(export.flow(ready, values), "flow")
    heads = (name, "norm at the image", "factor per layer", "below 1/1000 from layer",
             "exact zeros at the image", "draws")  # fmt: skip
    markdown_table("flow", heads, [_flow_row(label, flow) for label, flow in ready.items()])


def _flow_row(label: str, flow: GradientFlow) -> list[str]:
    """The cells of a network in the table of gradient norms."""
    vanishing = flow.vanishing_layer()
    return [
        f"**{label}**",
        f"{flow.median[0]:.3g}",
        f"{flow.factor_per_layer:.3g}",
        "never" if vanishing is None else f"{vanishing} down",
        percent_3_digits(float(flow.zeros[:, 0].mean())),
        f"{flow.draws}",
    ]


def _dead_shares_table() -> None:
    """Draw the shares of pixels without a gradient below stacked max pooling."""
    st.markdown(
        "**Stacked max pooling.** Of each 2×2 window one pixel wins; through $L$ layers one pixel "
        "of $4^L$ is left, so $1 - 4^{-L}$ of the image gets no gradient."
    )
    rows = [
        [f"**{share.levels}**", percent_8_digits(share.measured), percent_8_digits(share.expected)]
        for share in compute.dead_shares()
    ]
    markdown_table("dead", ("2×2 max-pools, L", "without gradient, measured", "$1 - 4^{-L}$"), rows)


def percent_8_digits(share: float) -> str:
    """A share with eight significant digits, such as ``99.902344 %``."""
    return f"{100 * share:.8g} %"


Draw = Callable[[list[PageLayer], PageState[GradientSettings]], "list[Picture] | None"]
DRAW: dict[str, Draw] = {
    "numbers": _numbers_tab,
    "counts": _counts_tab,
    "back": _backward_tab,
    "depth": _depth_tab,
}
"""Function of each tab by its name in the URL: draws the tab, returns its pictures for slides."""
