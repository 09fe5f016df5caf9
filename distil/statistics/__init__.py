"""The estimators and tests behind metrics/eval.json and metrics/length_sweep.json; docs/metrics.md says which is where.

All intervals are 95 %, all tests two-sided at 5 %. What the data cannot give is None, never NaN.
"""
