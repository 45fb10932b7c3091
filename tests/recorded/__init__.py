"""Bytes that earlier versions of this program wrote, and the test that they can be read."""
