"""The claims page: textbook statements, each tested with torch while the visitor watches."""

from __future__ import annotations

import streamlit as st

from viz.features.claims import view
from viz.features.claims.params import PAGE, ClaimSettings, make_valid
from viz.features.claims.view import SLOT, SLOT_ALL, SLOT_GRID
from viz.page import frame, progress


def page() -> None:
    """Show the list of claims, or the one that is open."""
    with frame.page_state(PAGE, ClaimSettings, warm=False) as state:
        state.values, ignored = make_valid(state.values)
        values = state.values
        state.report_ignored(*ignored)
        state.update_widgets()
        state.show_warnings()
        if values.claim:
            progress.withdraw_requests(SLOT_ALL)
            frame.warm_up()
            view.open_claim(values)
            return
        progress.withdraw_requests(SLOT, SLOT_GRID)
        frame.heading(
            "Claims, tested: what is said, and what is measured",
            "Each of these statements is found in textbooks. Open one: it is put to the test with "
            "PyTorch at that moment. Its verdict is taken over several settings; your own setting "
            "shows where it stops holding.",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            view.filters(values)
            if not values.run:
                view.run_all_button()
        if values.run:
            view.run_all()
        else:
            progress.withdraw_requests(SLOT_ALL)
        view.claim_list(values)


page()
