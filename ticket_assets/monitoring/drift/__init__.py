"""Plain: whether a window of live traffic is still what the champion was made for, by tests with a known error rate."""
