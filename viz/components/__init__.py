"""Streamlit components: the JavaScript of each, and the Python that mounts it."""
