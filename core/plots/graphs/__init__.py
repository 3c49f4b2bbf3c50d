"""The plot of a network as a graph of its operations."""
