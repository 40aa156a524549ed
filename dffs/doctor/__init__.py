"""Says why a mount or a load is slow: facts are gathered (`gather`), judged (`judge`, pure) and told."""
