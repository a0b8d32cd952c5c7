"""From YAML and JSON text to a checked set of declared recordings; a set is accepted whole or not at all."""
