"""Plain: whether live traffic is still what the champion was made for, how good it is there, and what follows."""
