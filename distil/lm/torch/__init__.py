"""Language models in PyTorch, for Linux CPUs: bfloat16 products there run many times faster than MLX's float32.

PyTorch is an optional extra (`pip install .[torch]`); nothing outside this package imports it.
"""
