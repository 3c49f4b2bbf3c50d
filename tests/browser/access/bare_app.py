"""A bare Streamlit app with the widgets whose faults `axe.STREAMLIT` lists."""

import streamlit as st


def page() -> None:
    st.title("Bare")
    st.code("from torch import nn\n\nlayer = nn.Conv2d(3, 64, 7)  # " + "and on " * 60)
    st.columns(6)[0].latex(" + ".join(f"x_{{{n}}}^2" for n in range(40)))


def other() -> None:
    st.title("Other")


st.navigation(
    {"First": [st.Page(page, title="One")], "Second": [st.Page(other, title="Two")]}
).run()
