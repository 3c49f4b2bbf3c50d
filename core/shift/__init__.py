"""What a shift of the picture does to a layer that skips pixels, and what a blur changes.

``layer``: downsampling layers with and without a blur (light: brings torch when run);
``consistency``: how much of a shift survives, measured; ``spectrum``: what aliases, and the
same in closed form; ``network``: whole networks, anti-aliased or with circular padding.
"""
