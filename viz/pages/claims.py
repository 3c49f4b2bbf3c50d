"""Claims, tested: what textbooks say, and what torch says to it at this moment."""

from __future__ import annotations

import streamlit as st

from viz import claims_view, compute, waiting
from viz.claims_state import PAGE, PARAMS, settle
from viz.claims_view import SLOT, SLOT_ALL, SLOT_GRID
from viz.url import PageState


def page() -> None:
    """Adopt the URL, draw the list or the open claim, publish the URL."""
    state = PageState(PAGE, PARAMS)
    values = state.values
    state.ignored.extend(settle(values))
    state.place()
    state.tell()
    if values["claim"]:
        waiting.leave(SLOT_ALL)
        if not compute.is_warm():
            compute.warm()
        claims_view.open_claim(values)
    else:
        waiting.leave(SLOT, SLOT_GRID)
        st.markdown("#### Claims, tested: what is said, and what is measured")
        st.markdown(
            "Each of these statements is found in textbooks. Open one: it is put to the test with "
            "PyTorch at that moment. Its verdict is taken over several settings; your own setting "
            "shows where it stops holding."
        )
        claims_view.run_all(values)
        claims_view.filters(values)
        claims_view.claim_list(values)
    state.publish()


page()
