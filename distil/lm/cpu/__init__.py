"""Everything that works around MLX's build for CPUs: matrix products, exponentials."""
