"""What Plotly's pictures are made of."""
