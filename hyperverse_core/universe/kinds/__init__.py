"""Kinds, the products behind them (specifics), and selectors of both."""
