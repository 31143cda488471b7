"""What all text languages share: words, versions, and the machinery of grammars."""
