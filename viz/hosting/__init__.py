"""What stands between the app and the network: Streamlit's options, headers, limits."""
