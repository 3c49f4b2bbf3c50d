"""Input gradients: of one layer, of its backward pass rebuilt by hand, and through depth.

``recipe`` and ``counts`` need no torch. ``pattern`` computes the input gradient of any operation
with torch's autograd, ``rebuild`` does the backward pass of a strided convolution in numpy, and
``flow`` measures the gradient's norm in every layer of a deep network.
"""
