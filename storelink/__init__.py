"""storelink keeps Shopify and WooCommerce stores in step with one Postgres database."""

__version__ = "0.1.0"
