"""Input gradients of one layer, its backward pass step by step, and gradients in deep networks.

``recipe`` and ``counts`` need no torch. ``pattern`` computes the input gradient of any operation
with torch's autograd, ``rebuild`` does the backward pass of a strided convolution in numpy, and
``flow`` measures the gradient's norm in every layer of a deep network.
"""
