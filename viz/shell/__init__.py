"""The frame around every page: navigation, presentation mode, sharing and the guided tour."""
