"""The least a Streamlit app with this app's navigation can be: the yardstick of whole pages.

Every page has a title, tabs, a slider in the sidebar and a sentence.
"""

import sys
from functools import partial
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from viz.pages import GROUPS, PAGES


def draw(title: str) -> None:
    """Draw one page."""
    with st.sidebar:
        st.slider("stride", 1, 8, 2, key="stride")
    st.title(title)
    first, second = st.tabs(["First", "Second"])
    first.write("A sentence.")
    second.write("Another sentence.")


st.set_page_config(page_title="Bare", layout="wide")
st.navigation(
    {
        group: [
            st.Page(
                partial(draw, page.title),
                title=page.title,
                url_path=page.name,
                default=page is PAGES[0],
            )
            for page in PAGES
            if page.group == group
        ]
        for group in GROUPS
    }
).run()
