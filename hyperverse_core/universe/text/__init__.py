"""Words, versions and the grammar machinery: what the text languages share."""
