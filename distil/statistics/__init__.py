"""The estimators and tests behind metrics/eval.json and metrics/length_sweep.json. docs/metrics.md has them by metric.

All intervals are 95 %, all tests two-sided at 5 %. A value that the data cannot give is None, never NaN.
"""
