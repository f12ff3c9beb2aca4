"""WooCommerce passes the kit: over real HTTP, against the simulated store."""

from woo_laboratory import WooLaboratory

from storelink.conformance import connector_tests

TestWooCommerce = connector_tests(WooLaboratory)
