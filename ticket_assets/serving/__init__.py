"""Plain and light: the bundle, its prediction, the bento."""
