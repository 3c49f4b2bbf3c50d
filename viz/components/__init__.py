"""Interactive pictures: JavaScript, and Python's side of each."""
