"""Pictures for slides: core results drawn with Matplotlib, as files. Knows no Streamlit."""
