"""What others implement: abstract classes and their records. Imports universe and errors only."""
