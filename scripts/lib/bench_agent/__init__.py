"""How much of a machine the agent needs, and how punctual it is, beside a plain Python agent of the same design."""
