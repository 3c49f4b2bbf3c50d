"""The least a Streamlit app can be: the yardstick of the benchmarks."""

import streamlit as st

st.title("Bare")
value = st.slider("stride", 1, 8, 2, key="stride")
with st.container(key="value"):
    st.write(value)
