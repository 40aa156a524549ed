"""Tests of the manager as a whole: database, gRPC, REST, rights."""
