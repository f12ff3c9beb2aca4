"""The migrations (Alembic), made from the models by `make migration`."""
