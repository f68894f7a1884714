"""Plain: split, search, training, evaluation, promotion."""
