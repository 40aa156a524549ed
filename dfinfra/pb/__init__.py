"""Messages and stubs generated from ``proto/dfinfra/pb`` by ``proto/generate``."""
