"""From a set of manifests to recordings that are kept: completed, guarded, accepted whole or not at all."""
