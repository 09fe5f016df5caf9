"""Language models on this machine: load a checkpoint, train a LoRA adapter, generate text.

A command that computes with MLX calls `distil.lm.cpu.blas.route()` before it imports anything else from here.
"""
