"""A simulator of the recording service, for the demo, for trying things out and for the tests."""
