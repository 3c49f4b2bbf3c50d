"""The tabs beside the map of the page on effective receptive fields, one function each."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from core.networks.notation import to_notation
from core.plots.effective_curves import convergence_plot, energy_plot, sections_plot
from core.plots.effective_field import variants_plot
from core.plots.effective_study import study_plot
from core.training.spec import OwnImages, TrainingSpec
from core.training.text import to_text
from viz.features.erf import compute, export
from viz.features.erf.params import PAGE, STUDIES, ErfSettings, Request
from viz.page import progress
from viz.page.plots import show_plot
from viz.page.save_menu import save_menu, save_table
from viz.page.session import PageState
from viz.page.tables import column_table
from viz.page.widgets import widget
from viz.server.queue import View, Work
from viz.slides.style import Picture, plot_picture

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.erf.expected import ExpectedErf
    from core.erf.study import Study

BEFORE_MAP = "This tab is empty until the map is computed."
"""Text of a tab that needs the map."""


def draw_save_menu(
    request: Request,
    erf: EffectiveReceptiveField | None,
    expected: ExpectedErf | None,
    values: ErfSettings,
    more: Sequence[Picture],
) -> None:
    """Draw the menu of pictures as files; ``more`` are the open tab's, which come first."""
    pictures = export.page_pictures(request, erf, expected, values)
    save_menu(PAGE, [*more, *pictures], export.settings_text(request))


def _sections_tab(
    request: Request,
    erf: EffectiveReceptiveField | None,
    expected: ExpectedErf | None,
    page: PageState[ErfSettings],
) -> None:
    """Draw the energy along both axes through the map."""
    if erf is None:
        st.caption(BEFORE_MAP)
        return
    show_plot(sections_plot(erf, expected), "erf_sections")
    st.markdown(
        "Many random paths end near the center and few at the rim, so the map comes close to a "
        "Gaussian: the *effective* field is narrower than the theoretical one, and its width grows "
        "with the square root of the depth (Luo et al., 2016)."
    )


def _energy_and_convergence_tab(
    request: Request,
    erf: EffectiveReceptiveField | None,
    expected: ExpectedErf | None,
    page: PageState[ErfSettings],
) -> None:
    """Draw the energy in growing squares, and the map's convergence over the draws."""
    if erf is None:
        st.caption(BEFORE_MAP)
        return
    left, right = st.columns([1, 2])
    with left:
        show_plot(energy_plot(erf), "erf_energy")
    with right:
        show_plot(convergence_plot(erf), "erf_settled")


def _compare_tab(
    request: Request,
    erf: EffectiveReceptiveField | None,
    expected: ExpectedErf | None,
    page: PageState[ErfSettings],
) -> list[Picture]:
    """Draw the maps of a comparison's variants and a table of their metrics; returns the slide."""
    values = page.values
    with st.container(horizontal=True, vertical_alignment="bottom"):
        widget(values, "compare", width=420)
        widget(values, "log")
    name = values.compare
    if not name:
        return []
    requests, refused = export.possible_variants(values)
    for sentence in refused:
        st.caption(sentence)
    if len(requests) < 2:
        st.info("This network has fewer than two of these variants.")
        return []

    def draw(views: Mapping[Hashable, View]) -> None:
        for label, variant in requests.items():
            progress.status_line("compare", variant, views[variant], label, name=label)
        current = {label: views[variant] for label, variant in requests.items()}
        ready = {label: v.result or v.partial for label, v in current.items()}
        ready = {label: variant for label, variant in ready.items() if variant is not None}
        if ready:
            show_plot(variants_plot(ready, log=values.log), "erf_variants")
            st.html(column_table("Measures of the variants", _metrics_columns(ready)))

    works: dict[Hashable, Work] = {each: compute.work(each) for each in requests.values()}
    views = progress.request_and_draw("compare", works, draw)
    ready = {label: views[variant].result for label, variant in requests.items()}
    ready = {label: erf for label, erf in ready.items() if erf is not None}
    make = partial(variants_plot, ready, log=values.log)
    return [plot_picture("variants", "Variants", make)] if ready else []


def _metrics_columns(ready: Mapping[str, EffectiveReceptiveField]) -> dict[str, list[Any]]:
    """The columns of a table with a row for each variant."""
    return {
        "variant": list(ready),
        "draws": [erf.convergence[-1].draws for erf in ready.values()],
        "σ (px)": [float(np.mean(erf.sigma)) for erf in ready.values()],
        "4σ/R (%)": [100 * float(np.mean(erf.four_sigma_share)) for erf in ready.values()],
        "side above 4.55 % (px)": [float(erf.side) for erf in ready.values()],
        "theoretical (px)": [
            f"{erf.theory.size[0]:g}×{erf.theory.size[1]:g}" for erf in ready.values()
        ],
    }


def _studies_tab(
    request: Request,
    erf: EffectiveReceptiveField | None,
    expected: ExpectedErf | None,
    page: PageState[ErfSettings],
) -> list[Picture]:
    """Draw the choice of a study, its figure and its table; returns the slide."""
    st.markdown(
        "Stacks of 3×3 convolutions with 16 channels, where only one thing is changed; 64 draws "
        "each, weights drawn anew. They do not depend on the network of this page."
    )
    widget(page.values, "study")
    name = page.values.study
    if not name:
        return []
    key = ("study", name)

    def draw(views: Mapping[Hashable, View]) -> None:
        view = views[key]
        progress.status_line("studies", key, view, "Measuring", "networks")
        if view.result is not None:
            show_plot(study_plot(view.result), "erf_study")
            st.html(column_table("Measures of the networks", _study_columns(view.result)))

    view = progress.request_and_draw("studies", {key: compute.study_work(STUDIES[name][1])}, draw)[
        key
    ]
    if view.result is None:
        return []
    return [plot_picture("study", "Study", partial(study_plot, view.result))]


def _study_columns(study: Study) -> dict[str, list[Any]]:
    """The columns of a table with a row for each network of a study."""
    return {
        study.x_label: [row.label for row in study.rows],
        "theoretical (px)": [float(row.reach) for row in study.rows],
        "σ measured (px)": [float(row.sigma) for row in study.rows],
        "side above 4.55 % (px)": [float(row.side) for row in study.rows],
        "side / theoretical (%)": [100 * float(row.share) for row in study.rows],
    }


def _files_tab(
    request: Request,
    erf: EffectiveReceptiveField | None,
    expected: ExpectedErf | None,
    page: PageState[ErfSettings],
) -> None:
    """Draw the buttons that download the map, and the code that computes it."""
    if erf is None:
        st.caption(BEFORE_MAP)
        return
    array = io.BytesIO()
    np.save(array, erf.map)
    table = io.StringIO()
    np.savetxt(table, erf.map, delimiter=",", fmt="%.8g")
    st.markdown("The map as a table and as a NumPy array, and its measures as JSON:")
    with st.container(horizontal=True, gap="medium"):
        save_table(table.getvalue(), "erf")
        _download_button("Save array", array.getvalue(), "erf.npy", "application/octet-stream")
        metrics = json.dumps(erf.as_data(), indent=1, ensure_ascii=False)
        _download_button("Save measures", metrics, "erf.json", "application/json")
    st.markdown("The same from Python, beside this app's files:")
    st.code(measurement_code(request, erf), language="python")
    st.markdown("And of a network of your own, in a terminal:")
    size = ",".join(map(str, erf.input_size))
    st.code(
        f"python -m core.erf package.module:callable --input {size} --layer {erf.module or erf.layer}"
        " --out erf.npz",
        language="bash",
    )


def _download_button(label: str, content: str | bytes, name: str, kind: str) -> None:
    """Draw a download button for a file of the MIME type ``kind``."""
    st.download_button(
        label,
        content,
        name,
        kind,
        on_click="ignore",
        icon=":material/download:",
        type="tertiary",
        key=name,
    )


def measurement_code(request: Request, erf: EffectiveReceptiveField) -> str:
    """Python code that computes the same map."""
    network, seed = request.network, request.seed
    imports = ["from core.erf import effective_receptive_field"]
    before: list[str] = []
    if network.run is not None:
        more, before, expression = _training_lab_code(network.run, request.weights == "as_is")
        imports += more
    elif network.spec is not None:
        imports += [
            "from core.networks import build",
            "from core.networks.notation import parse_notation",
        ]
        text, size = to_notation(network.spec), network.input_size
        expression = f"build(parse_notation({text!r}), {size[0]}, {size[1:]}, seed={seed})"
    elif network.module:
        imports += [
            "from core.receptive_field.cli import load_network",
            "from core.seeded import seeded",
        ]
        before, expression = [f"with seeded({seed}):"], f"load_network({network.module!r})"
    else:
        imports.append("from core.networks import zoo")
        expression = f"zoo.build({network.name!r}, seed={seed})"
    indent = "    " if network.module else ""
    lines = [*before, f"{indent}network = {expression}", *_swap_statements(request)]
    if any("swaps." in line for line in lines):
        imports.append("from core.networks import swaps")
    inputs = "'noise'"
    if request.inputs != "noise":
        imports.append("from core import data")
        channels, *size_of_image = network.input_size
        lines.append(
            f"image = data.picture({request.inputs!r}, {tuple(size_of_image)}, {channels})"
        )
        inputs = "(image - image.mean()) / max(image.std(), 1e-6)"
    draws = erf.convergence[-1].draws
    lines += [
        "erf = effective_receptive_field(",
        f"    network, {network.input_size}, layer={request.layer!r}, unit={request.unit},",
        f"    draws={draws}, inputs={inputs},",
        f"    weights={request.weights!r}, aggregate={request.aggregate!r}, seed={seed},"
        + (" bf16=True," if request.bf16 else ""),
        ")",
        "print(erf.sigma)",
    ]
    return "\n".join([*sorted(imports), "", *lines])


def _training_lab_code(run: TrainingSpec, trained: bool) -> tuple[list[str], list[str], str]:
    """Python imports, statements and the expression that build a net of the training lab."""
    imports, own = ["from core.training.text import from_text"], ""
    if isinstance(run.task, OwnImages):
        own = ", read_npz(Path('images.npz').read_bytes())"
        imports += ["from pathlib import Path", "from core.training.uploads import read_npz"]
    before = [f"spec = from_text({to_text(run)!r}{own})"]
    if not trained:
        imports.append("from core.training.nets import model")
        return imports, before, "model(spec.net, spec.task, spec.seed)"
    imports.append("from core.training.loop import train, trained_network")
    return imports, [*before, "*_, last = train(spec)"], "trained_network(spec, last.state)"


def _swap_statements(request: Request) -> list[str]:
    """Python statements that replace activations, pooling or skips as the request does."""
    lines = []
    if request.activation != "kept":
        lines.append(f"network = swaps.with_activation(network, {request.activation!r})")
    if request.pooling != "kept":
        arguments = f"{request.pooling!r}, {request.network.input_size}, {request.seed}"
        lines.append(f"network = swaps.with_pooling(network, {arguments})")
    if not request.skips:
        lines.append("network = swaps.without_skips(network)")
    return lines


Draw = Callable[
    [Request, "EffectiveReceptiveField | None", "ExpectedErf | None", PageState[ErfSettings]],
    "list[Picture] | None",
]
"""A function that draws a tab and returns further pictures for slides, if it has any."""
DRAW: dict[str, Draw] = {
    "sections": _sections_tab,
    "energy": _energy_and_convergence_tab,
    "compare": _compare_tab,
    "studies": _studies_tab,
    "files": _files_tab,
}
"""The functions that draw the tabs, by name in the URL."""
