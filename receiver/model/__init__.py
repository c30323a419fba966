"""Values: what ship knows, with no file, process or clock behind them. Imports nothing of ship above it."""
