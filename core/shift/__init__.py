"""Measurements of how downsampling layers respond to a shift of the picture.

``layer`` defines downsampling layers with or without a blur (it imports torch only when a layer
runs); ``consistency`` measures how well an output follows a shift; ``spectrum`` computes the
aliased energy, and from it the consistency in closed form; ``network`` covers whole networks,
anti-aliased or with circular padding.
"""
