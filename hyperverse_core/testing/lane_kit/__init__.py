"""The tests of LaneConformance by subject, and the harness that they share."""
