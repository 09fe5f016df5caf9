import distil.lm  # noqa: F401 - MLX's products are routed before MLX is imported
