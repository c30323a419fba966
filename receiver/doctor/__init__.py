"""`ship doctor`: a module for each area that it looks at, and the repairs; `story` puts them together."""
