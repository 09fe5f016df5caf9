"""Language models on this machine: load a checkpoint, train a LoRA adapter, generate text.

Importing anything from here first routes MLX's matrix products to a fast BLAS, which must happen before MLX itself is
imported.
"""

from distil.lm.cpu import blas

blas.route()
