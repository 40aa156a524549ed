"""REST: a table of routes, from which the router, the OpenAPI document and the rights are made."""
