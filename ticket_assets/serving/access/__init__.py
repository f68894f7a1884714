"""Who may ask the service what, how often and how much: the same for HTTP and gRPC."""
