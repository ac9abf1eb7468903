"""The program: wires everything together and runs it; contains no logic."""
