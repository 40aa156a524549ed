"""gRPC as every service uses it: channels, servers, and errors on their way through both."""
