"""What a machine can say of itself: status, load, descriptions, traces, dumps."""
