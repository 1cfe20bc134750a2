"""The page and the HTTP API over trained runs: `genlab serve`."""
