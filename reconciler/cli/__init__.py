"""The command line: one file per verb or small family; wires everything, and is the only reader of settings and clock."""
