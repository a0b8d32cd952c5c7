"""Speed as ratios against something run beside it, alternately, in the same minutes. Never part of the tests."""
