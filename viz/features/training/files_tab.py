"""The last tab of the training lab: files of the records, code, links to other pages."""

from __future__ import annotations

import streamlit as st

from viz.choices import lab as choices_lab
from viz.features.training import compute, nets
from viz.features.training.params import LabSettings
from viz.features.training.pickers import net_picker
from viz.features.training.results import Lab
from viz.features.training.words import is_finished
from viz.page.save_menu import save_table
from viz.page.session import PageState

PAGES = {
    "fields": ("Receptive fields", ":material/filter_center_focus:"),
    "erf": ("Effective fields", ":material/blur_on:"),
    "shift": ("Shift and aliasing", ":material/blur_linear:"),
}
"""Pages that can open a trained net: (title, icon) by name."""


def tab(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw the buttons for files, the links to other pages, and the code of the runs."""
    runs = lab.runs
    if not any(runs.values()):
        st.caption("Files and links appear once nets are trained; the code does not depend on it.")
    else:
        _files(lab)
        _links(lab)
    st.markdown("The same runs from Python, beside this app's files:")
    st.code(nets.training_code(lab.comparison), language="python")
    net_picker(lab, page)
    name = lab.comparison.names[page.values.net]
    st.markdown(f"The net, **{name}**, in PyTorch, before the head:")
    st.code(choices_lab.net_source_code(lab.comparison.specs[page.values.net]), language="python")


def _files(lab: Lab) -> None:
    """Download buttons; a file is written only on a click, as long runs have many numbers."""
    comparison, runs = lab.comparison, lab.runs
    st.markdown("All records of these runs as a table, and with the settings as JSON:")
    with st.container(horizontal=True, gap="medium"):
        save_table(lambda: compute.records_csv(comparison, runs), "training")
        st.download_button(
            "Save settings and records",
            lambda: compute.records_json(comparison, runs),
            "training.json",
            "application/json",
            on_click="ignore",
            icon=":material/download:",
            type="tertiary",
            key="training_json",
        )


def _links(lab: Lab) -> None:
    """Links that open each net with a finished first seed on the other pages."""
    seed, runs = lab.comparison.seeds[0], lab.runs
    ready = [n for n in range(len(lab.comparison.specs)) if is_finished(runs.get((n, seed), ()))]
    if ready:
        st.markdown(f"Open a trained net (seed {seed}) on another page:")
    for net in ready:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.markdown(f"**{lab.comparison.names[net]}**", width="content")
            for page, query in nets.page_links(lab.comparison, net, seed).items():
                title, icon = PAGES[page]
                st.page_link(
                    f"../features/{page}/page.py", label=title, icon=icon, query_params=query
                )
