"""A simulated WooCommerce 11 store: REST v3 as a real one answers, its oddities kept."""
