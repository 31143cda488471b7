"""The language of commands: commands, scripts and their texts."""
