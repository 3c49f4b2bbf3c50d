"""Claims, tested: what textbooks say, and what torch says to it at this moment."""

from __future__ import annotations

import streamlit as st

from viz.features.claims import view
from viz.features.claims.params import PAGE, PARAMS, settle
from viz.features.claims.view import SLOT, SLOT_ALL, SLOT_GRID
from viz.page import progress
from viz.page.session import PageState
from viz.server import torch_start


def page() -> None:
    """Adopt the URL, draw the list or the open claim, publish the URL."""
    state = PageState(PAGE, PARAMS)
    values = state.values
    state.ignored.extend(settle(values))
    state.place()
    state.tell()
    if values["claim"]:
        progress.leave(SLOT_ALL)
        if not torch_start.is_warm():
            torch_start.warm()
        view.open_claim(values)
    else:
        progress.leave(SLOT, SLOT_GRID)
        st.markdown("#### Claims, tested: what is said, and what is measured")
        st.markdown(
            "Each of these statements is found in textbooks. Open one: it is put to the test with "
            "PyTorch at that moment. Its verdict is taken over several settings; your own setting "
            "shows where it stops holding."
        )
        view.run_all(values)
        view.filters(values)
        view.claim_list(values)
    state.publish()


page()
