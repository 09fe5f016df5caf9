"""Everything that works around MLX's build for CPUs. Importing changes nothing; each part is applied by a call.

- `blas.route()` gives matrix products to a fast BLAS. A command calls it before MLX is imported.
- `exponentials.use_in(model)` computes gates and attention with SIMD. `distil.lm.checkpoints.load` calls it.
- `batches.use_in_mlx_lm()` leaves out copies when many prompts are answered. `distil.lm.generate.generate` calls it.
"""
