"""A simulated Shopify store: the official Admin schema, executed over the generated shop."""
