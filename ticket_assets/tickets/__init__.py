"""Plain: raw tickets become clean rows, quarantined rows and near-duplicate families."""
