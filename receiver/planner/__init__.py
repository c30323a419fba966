"""Decisions: pure functions from facts to plans. They read no file, start no process, know no time."""
