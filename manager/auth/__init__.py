"""Who asks, and what they may: users, sessions, tokens, roles, permissions, audit, targets."""
