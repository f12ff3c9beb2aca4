"""Shopify passes the kit: over real HTTP, against the simulated store."""

from shopify_laboratory import ShopifyLaboratory

from storelink.conformance import connector_tests

TestShopify = connector_tests(ShopifyLaboratory)
