"""The command line: one file per verb or small family; wires everything, and alone reads settings and clock."""
