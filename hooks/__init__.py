"""The hooks of every repository: doorways without logic. git runs them by their file names."""
