"""All that the document allows, and all that it does not, asked of the whole system."""
