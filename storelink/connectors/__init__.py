"""Platforms: the seam (`protocol`), the HTTP client they share, and one folder each."""
