"""How anything about an app is changed: locked, planned, journalled, done, or undone.

An app at a moment is one value here, of which plans are made; a step is done here, and so is its
opposite. Which steps there are is decided by the stories above. It imports the server and what is
below it.
"""
