"""Where a daemon's manifests come from: a folder or a git repository, as a stream of what they have to offer."""
