"""What a Kind demands: properties, parents, children; and the standard Kinds."""
