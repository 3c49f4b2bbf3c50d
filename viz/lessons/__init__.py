"""What is taught: claims, exercises, the tour. Knows core alone."""
