"""Values: what a particle may know. No input or output, no event loop; imports nothing of ours but errors."""
