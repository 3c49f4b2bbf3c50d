"""The script that Streamlit runs for every page: page config, navigation, then the page itself."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.data import PICTURES
from viz.components.focus.focus import keep_focus
from viz.page import progress
from viz.page.session import read_shell
from viz.pages import GROUPS, PAGES, tab_title
from viz.shell import present, share, tour_bar

FOLDER = Path(__file__).parent
FEATURES = FOLDER.parent / "features"
PHOTOGRAPHS = [
    f"[{each.label}]({each.credit.address}) by {each.credit.author}, "
    f"[{each.credit.license}]({each.credit.license_address})"
    for each in PICTURES.values()
    if each.credit
]

# The icon is a file of this app: the browser would load a Material icon from another server.
st.set_page_config(page_icon=FOLDER / "icon.svg", layout="wide")
if "sections" not in st.session_state:  # once per session, because it looks up a file per page
    st.session_state["sections"] = {
        group: [
            st.Page(
                FEATURES / page.name / "page.py",
                title=page.title,
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
st.set_page_config(page_title=tab_title(chosen.title))
name = chosen.url_path or PAGES[0].name
if st.session_state.get("page") not in (None, name):
    # The visitor has left the previous page, so its computations are withdrawn.
    progress.withdraw_requests(*st.session_state.get("seen", {}))
progress.keep_reconnecting()
shell = read_shell(name)
present.enlarge(shell["present"])
tools = st.container(key="shell_tools")
stop = shell["tour"] if name != "tour" else 0
with tools:
    present.toggle_button(shell["present"])
    keep_focus(tour_bar.spoken_text(stop) if stop else chosen.title, key="keep_focus")
# This container exists on every page, so that the start of a tour does not move other elements.
with st.container(key="shell_tour"):
    return_place = tour_bar.draw_bar(stop) if stop else None
chosen.run()
st.sidebar.caption(f"Photographs, cropped and scaled: {'; '.join(PHOTOGRAPHS)}.")
with tools:
    share.share_button(name)
    present.page_keys(shell["present"])
if return_place is not None:
    tour_bar.return_button(return_place, stop, name)
