"""Sealing of credentials: envelope encryption and where master keys come from.

Knows no table and no HTTP: `sync/account.py` and `sync/keys.py` join it with the database.
"""
