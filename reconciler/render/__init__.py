"""Pure presentation: plans, tables and JSON as text."""
