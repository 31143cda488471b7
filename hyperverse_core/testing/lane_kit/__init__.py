"""The chapters of LaneConformance, and what they share."""
