"""Plain: what a model may know of a ticket when it arrives."""
