"""From a pushed tree to a virtualenv: runs what a buildpack has planned.

Pythons, package settings and the build's own sandbox live here; what to build is decided in
`buildpacks/`. It imports `storage`, `runs` and what is below them.
"""
