"""What stands below the map: one function a tab."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from core.errors import SpecError
from viz import compute_erf, compute_networks, erf_state, waiting
from viz.erf_state import COMPARISONS, STUDIES, Request
from viz.figures import erf as figures
from viz.jobs import View, Work
from viz.url import PageState, give

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.erf_study import Study
    from core.expected_erf import ExpectedErf


def _sections(
    erf: EffectiveReceptiveField | None, expected: ExpectedErf | None, page: PageState
) -> None:
    if erf is None:
        return
    st.plotly_chart(figures.sections_figure(erf, expected), theme="streamlit", key="erf_sections")
    st.markdown(
        "Many random paths end near the centre and few at the rim, so the map comes close to a "
        "Gaussian: the *effective* field is narrower than the theoretical one, and its width grows "
        "with the square root of the depth (Luo et al., 2016)."
    )


def _energy(
    erf: EffectiveReceptiveField | None, expected: ExpectedErf | None, page: PageState
) -> None:
    if erf is None:
        return
    left, right = st.columns(2)
    left.plotly_chart(figures.energy_figure(erf), theme="streamlit", key="erf_energy")
    right.plotly_chart(figures.convergence_figure(erf), theme="streamlit", key="erf_settled")


def _compare(
    erf: EffectiveReceptiveField | None, expected: ExpectedErf | None, page: PageState
) -> None:
    values = page.values
    st.selectbox(
        "compare",
        ["", *COMPARISONS],
        format_func=lambda name: COMPARISONS[name][0] if name else "choose what to compare…",
        key=give(values, "compare"),
    )
    name = values["compare"]
    if not name:
        return
    requests = _variants(name, values)
    if len(requests) < 2:
        st.info("This network has nothing of which that could be compared.")
        return
    labels = {asked: label for label, asked in requests.items()}

    def draw(views: Mapping[Hashable, View]) -> None:
        ready = {}
        for label, asked in requests.items():
            view = views[asked]
            shown = view.result or view.partial
            if view.state in ("waiting", "running"):
                waiting.progress("compare", asked, view, labels[asked])
            elif view.error:
                st.warning(f"{label}: {view.error}.")
            if shown is not None:
                ready[label] = shown
        if ready:
            st.plotly_chart(
                figures.variants_figure(ready, log=values["log"]), theme="streamlit",
                key="erf_variants",
            )  # fmt: skip
            st.dataframe(_metrics(ready), hide_index=True)

    works: dict[Hashable, Work] = {asked: compute_erf.work(asked) for asked in requests.values()}
    waiting.show("compare", works, draw)


def _variants(name: str, values: Mapping[str, Any]) -> dict[str, Request]:
    """The requests of a comparison that can be made of this network."""
    found: dict[str, Request] = {}
    for label, changes in COMPARISONS[name][1]:
        changed = {**values, **changes}
        try:
            network = erf_state.network_state.network(changed)
            analysis = compute_networks.analysis(network)
            line = analysis.line(changed["layer"]) or analysis.deepest
            asked = erf_state.request(changed, line.node.name, line.node.grid)
            compute_erf.network(asked, "meta")
            compute_erf.check(asked, sum(cost.macs for cost in analysis.costs.values()))
        except SpecError as error:
            st.caption(f"{label}: {error}.")
            continue
        found[label] = asked
    return found


def _metrics(ready: Mapping[str, EffectiveReceptiveField]) -> dict[str, list[Any]]:
    return {
        "variant": list(ready),
        "draws": [erf.convergence[-1].draws for erf in ready.values()],
        "σ (px)": [round(float(np.mean(erf.sigma)), 2) for erf in ready.values()],
        "4σ/R (%)": [
            round(100 * float(np.mean(erf.four_sigma_share)), 1) for erf in ready.values()
        ],
        "side above 4.55 % (px)": [round(erf.side, 1) for erf in ready.values()],
        "theoretical (px)": [
            f"{erf.theory.size[0]:g}×{erf.theory.size[1]:g}" for erf in ready.values()
        ],
    }


def _studies(
    erf: EffectiveReceptiveField | None, expected: ExpectedErf | None, page: PageState
) -> None:
    from viz.figures.erf_studies import study_figure

    st.markdown(
        "Stacks of 3×3 convolutions with 16 channels, where only one thing is changed; 64 draws "
        "each, weights drawn anew. They do not depend on the network above."
    )
    name = st.selectbox(
        "study",
        ["", *STUDIES],
        format_func=lambda name: STUDIES[name][0] if name else "choose what is changed…",
        key=give(page.values, "study"),
    )
    if not name:
        return
    key = ("study", name)

    def draw(views: Mapping[Hashable, View]) -> None:
        view = views[key]
        if view.result is not None:
            st.plotly_chart(study_figure(view.result), theme="streamlit", key="erf_study")
            st.dataframe(_rows(view.result), hide_index=True)
        elif view.state == "failed":
            st.info(f"{view.error[:1].upper()}{view.error[1:]}.")
        else:
            waiting.progress("study", key, view, "Measuring", "networks")

    waiting.show("study", {key: compute_erf.study(STUDIES[name][1])}, draw)


def _rows(study: Study) -> dict[str, list[Any]]:
    return {
        study.x_label: [row.label for row in study.rows],
        "theoretical (px)": [round(row.reach, 1) for row in study.rows],
        "σ measured (px)": [round(row.sigma, 2) for row in study.rows],
        "side above 4.55 % (px)": [round(row.side, 1) for row in study.rows],
        "side / theoretical (%)": [round(100 * row.share, 1) for row in study.rows],
    }


def _files(
    erf: EffectiveReceptiveField | None, expected: ExpectedErf | None, page: PageState
) -> None:
    if erf is None:
        return
    array = io.BytesIO()
    np.save(array, erf.map)
    table = io.StringIO()
    np.savetxt(table, erf.map, delimiter=",", fmt="%.8g")
    with st.container(horizontal=True):
        _download("Map as .npy", array.getvalue(), "erf.npy", "application/octet-stream")
        _download("Map as .csv", table.getvalue(), "erf.csv", "text/csv")
        metrics = json.dumps(erf.as_data(), indent=1, ensure_ascii=False)
        _download("Metrics as .json", metrics, "erf.json", "application/json")
    st.markdown("The same from Python, beside this app's files:")
    st.code(code(page.values, erf), language="python")
    st.markdown("And of a network of your own, in a terminal:")
    size = ",".join(map(str, erf.input_size))
    st.code(
        f"python -m core.erf package.module:callable --input {size} --layer {erf.module or erf.layer}"
        " --out erf.npz",
        language="bash",
    )


def _download(label: str, content: str | bytes, name: str, kind: str) -> None:
    st.download_button(
        label, content, name, kind, on_click="ignore", icon=":material/download:", key=name
    )


def code(values: Mapping[str, Any], erf: EffectiveReceptiveField) -> str:
    """Python that computes the same map."""
    own = values["network"] == erf_state.OWN
    lines = [
        "import torch",
        "",
        "from core import swaps",
        "from core.erf import effective_receptive_field",
    ]
    if own:
        lines += ["from core.networks import build", "from core.notation import parse_notation"]
    else:
        lines += ["from core import zoo"]
    lines += ["", f"torch.manual_seed({values['draw_seed']})"]
    channels, *size = erf.input_size
    made = (
        f"build(parse_notation({values['layers']!r}), {channels}, {tuple(size)})"
        if own
        else f"zoo.build({values['network']!r})"
    )
    lines.append(f"network = {made}")
    if values["activation"] != "kept":
        lines.append(f"network = swaps.with_activation(network, {values['activation']!r})")
    if values["pooling"] != "kept":
        lines.append(
            f"network = swaps.with_pooling(network, {values['pooling']!r}, "
            f"{tuple(erf.input_size)}, {values['draw_seed']})"
        )
    if not values["skips"]:
        lines.append("network = swaps.without_skips(network)")
    lines += [
        "erf = effective_receptive_field(",
        f"    network, {tuple(erf.input_size)}, layer={erf.layer!r}, unit={tuple(erf.unit)},",
        f"    draws={values['draws']}, weights={values['weights']!r}, "
        f"aggregate={values['aggregate']!r}, seed={values['draw_seed']},",
        ")",
        "print(erf.sigma)",
    ]
    if values["activation"] == values["pooling"] == "kept" and values["skips"]:
        lines.remove("from core import swaps")
    return "\n".join(lines)


Draw = Callable[["EffectiveReceptiveField | None", "ExpectedErf | None", PageState], None]
DRAW: dict[str, Draw] = {
    "sections": _sections,
    "energy": _energy,
    "compare": _compare,
    "studies": _studies,
    "files": _files,
}
"""One function a tab, by its name in the URL."""
