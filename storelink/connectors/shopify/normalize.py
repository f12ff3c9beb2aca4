"""Pure functions from what Shopify sends to unified rows."""
