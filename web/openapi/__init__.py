"""The OpenAPI document, made from what routes declare."""
