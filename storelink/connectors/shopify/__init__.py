"""Shopify: the Admin GraphQL API, read by bulk operations and by pages."""
