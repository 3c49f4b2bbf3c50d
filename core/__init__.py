"""Convolutions, what their units see, and what they cost, in numbers. Knows no screen."""
