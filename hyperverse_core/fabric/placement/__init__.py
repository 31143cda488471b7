"""Determines where particles live: creates them, chooses stars, and moves them."""
