"""HTTP: webhooks in, health, metrics. Thin: what it does stands in `sync` and `scheduler`."""
