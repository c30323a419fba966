"""What an app.json asks of a deploy: config vars, numbers of processes, health checks, buildpacks.

Each module turns one entry of the file into what Ship makes of it, and reports what does not count.
It imports `model` alone; that the file can be parsed is the business of `model.app_json`.
"""
