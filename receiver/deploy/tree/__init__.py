"""The pushed tree: taken in as a tar file, freed of what .slugignore names, refused or read.

Only the archive is looked at here; nothing is unpacked, and no code of it runs. It imports
`buildpacks`, `model` and `deploy.app_json`, and knows no app and no release.
"""
