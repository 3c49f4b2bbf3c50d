"""Where the gradient goes: through one layer, through its backward pass by hand, through depth.

``recipe`` and ``counts`` need no torch. ``pattern`` has the input gradient of any operation by
torch's autograd, ``rebuild`` the backward pass of a strided convolution in numpy, and ``flow``
the gradient's norm in every layer of a deep network.
"""
