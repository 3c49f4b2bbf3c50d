"""The tabs of the gradient page; each has one function."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.gradients.recipe import FlowSpec
from core.plots.gradients import backward_plot, gradients_plot, read_counts_plot
from viz.choices import board as choices_board
from viz.choices import layer, picture
from viz.choices.layer import PlayerView
from viz.components.player.player import player
from viz.features.gradients import compute, export, params
from viz.features.gradients.controls import flow_controls, on_click, upstream_controls
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
from viz.page.tables import column_table
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


def _panels_tab(panels: list[PageLayer], page: PageState[GradientSettings]) -> None:
    """Draw the upstream gradient and the gradient at the input of each layer."""
    upstream_controls(page.values, panels)
    show_plot(gradients_plot(export.gradients(panels, page.values)), "gradients", on_click)


def _numbers_tab(panels: list[PageLayer], page: PageState[GradientSettings]) -> None:
    """Draw the statistics of each layer's gradient, and the table of claims."""
    upstream_controls(page.values, panels)
    statistics, errors = [], []
    for each in panels:
        upstream = params.upstream_gradient(page.values, each)
        statistics.append(compute.gradient(each.board, upstream).statistics)
        form = upstream.kind == "unit"
        errors.append(f"{compute.closed_form_error(each.board, upstream):.1g}" if form else None)
    st.markdown("The gradients at the input, as PyTorch's autograd gives them.")
    columns: dict[str, Sequence[Any]] = {
        "layer": [each.title for each in panels],
        "reached (px)": [each.reached for each in statistics],
        "exact zeros (%)": [100 * each.zeros for each in statistics],
        "mean of |g|": [each.mean_abs for each in statistics],
        "std of g": [each.std for each in statistics],
        "largest / smallest": [each.ratio for each in statistics],
        "off the closed form": errors,
    }
    st.html(column_table("Gradients of the layers", columns))
    st.caption(
        "*largest / smallest*: of |g|, zeros left out; 1 is an even spread. *Off the closed form*: "
        "largest difference to the weights of the unit's window (a kernel's weights, 1/k² of a "
        "mean, 1 at the winner of a maximum)."
    )
    _claims_table(page.values)


def _claims_table(values: GradientSettings) -> None:
    """Draw a table of `LayerClaims` for all common layers, and the own one if it is chosen."""
    upload = picture.loaded_upload()
    names = [*LAYERS, *([OWN] if OWN in values.shown else [])]
    layers = [params.layer(values, name, upload) for name in names]
    claims = [compute.layer_claims(each.board) for each in layers]
    st.markdown(
        "The usual claims, measured on this input. They do not depend on the choices above."
    )
    columns: dict[str, Sequence[Any]] = {
        "layer": [each.title for each in layers],
        "a middle unit reaches (px)": [claim.interior for claim in claims],
        "the corner unit reaches (px)": [claim.corner for claim in claims],
        "sent nothing by any unit (%)": [100 * claim.starved for claim in claims],
        "exact zeros, all units alike (%)": [100 * claim.zeros for claim in claims],
        "units that send a pixel something": [
            " to ".join(dict.fromkeys((f"{claim.least}", f"{claim.most}"))) for claim in claims
        ],
        "read evenly": ["yes" if claim.even else "no" for claim in claims],
    }
    st.html(column_table("Claims about common layers", columns))
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
    upstream_controls(values, panels)
    name = params.backward_layer_name(values, panels)
    left, right = st.columns([1.4, 2], vertical_alignment="bottom")
    left.selectbox(
        "convolution",
        params.backward_layer_names(values),
        format_func=layer_name,
        key=bind_widget("back_shown", name, name),
        on_change=_on_layer,
    )
    right.segmented_control(
        "step",
        list(BY_HAND.values()),
        required=True,
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
    verdict = "the same :material/check:" if difference < 1e-6 else "**they differ**"
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
    columns: dict[str, Sequence[Any]] = {
        name: list(ready),
        "norm at the image": [f"{flow.median[0]:.3g}" for flow in ready.values()],
        "factor per layer": [flow.factor_per_layer for flow in ready.values()],
        "below 1/1000 from this layer down": [
            "never" if (layer := flow.vanishing_layer()) is None else f"{layer}"
            for flow in ready.values()
        ],
        "exact zeros at the image (%)": [
            100 * float(flow.zeros[:, 0].mean()) for flow in ready.values()
        ],
        "draws": [flow.draws for flow in ready.values()],
    }
    st.html(column_table("Gradient norms", columns))


def _dead_shares_table() -> None:
    """Draw the shares of pixels without a gradient below stacked max pooling."""
    st.markdown(
        "**Stacked max pooling.** Of each 2×2 window one pixel wins; through $L$ layers one pixel "
        "of $4^L$ is left, so $1 - 4^{-L}$ of the image gets no gradient."
    )
    shares = compute.dead_shares()
    columns: dict[str, Sequence[Any]] = {
        "number of 2×2 max pooling layers, L": [f"{share.levels}" for share in shares],
        "without gradient, measured (%)": [100 * share.measured for share in shares],
        "without gradient, by the formula (%)": [100 * share.expected for share in shares],
    }
    st.html(column_table("Stacked max pooling", columns, digits=8))


Draw = Callable[[list[PageLayer], PageState[GradientSettings]], "list[Picture] | None"]
DRAW: dict[str, Draw] = {
    "panels": _panels_tab,
    "numbers": _numbers_tab,
    "counts": _counts_tab,
    "back": _backward_tab,
    "depth": _depth_tab,
}
"""Function of each tab by its name in the URL: draws the tab, returns its pictures for slides."""
