"""What every visit runs: page config, navigation, the page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.data import PICTURES
from viz.page import progress
from viz.page.session import read_shell
from viz.pages import GROUPS, PAGES
from viz.shell import present, share, tour_bar

HERE = Path(__file__).parent
FEATURES = HERE.parent / "features"
PHOTOGRAPHS = [
    f"[{each.label}]({each.credit.address}) by {each.credit.author}, "
    f"[{each.credit.license}]({each.credit.license_address})"
    for each in PICTURES.values()
    if each.credit
]

# An icon of our own: the browser would fetch a page's Material icon from another machine.
st.set_page_config(
    page_title="Strides and receptive fields", page_icon=HERE / "icon.svg", layout="wide"
)
st.html(HERE / "style.css")
if "sections" not in st.session_state:  # made once a visit: looking up twelve files takes its time
    st.session_state["sections"] = {
        group: [
            st.Page(
                FEATURES / page.name / "page.py",
                title=page.title,
                icon=page.icon,
                help=page.help,
                url_path=page.name,
                default=page is PAGES[0],
            )
            for page in PAGES
            if page.group == group
        ]
        for group in GROUPS
    }
chosen = st.navigation({g: pages for g, pages in st.session_state["sections"].items() if pages})
name = chosen.url_path or PAGES[0].name
if st.session_state.get("page") not in (None, name):
    # The page before has been left: nothing is computed for it any more.
    progress.leave(*st.session_state.get("seen", {}))
progress.come_back()
shell = read_shell(name)
present.dress(shell["present"])
tools = st.container(key="shell_tools")
with tools:
    present.switch(shell["present"])
# A place of its own on every page: a tour that begins must not move the page's elements.
stop = shell["tour"] if name != "tour" else 0
with st.container(key="shell_tour"):
    back = tour_bar.bar(stop) if stop else None
chosen.run()
st.sidebar.caption(f"Photographs, cropped and scaled: {'; '.join(PHOTOGRAPHS)}.")
with tools:
    share.button(name)
if back is not None:
    tour_bar.way_back(back, stop, name)
