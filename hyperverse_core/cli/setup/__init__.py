"""Sets up the program: plugins, configuration, shell completion, and the files of a new plugin."""
