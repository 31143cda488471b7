"""Observation of waves at their two ends. Without an observer it costs one test of an empty tuple."""
