"""The command line `ship`: one module for each noun; it parses, calls a story, prints, and decides nothing."""
