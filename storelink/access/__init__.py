"""Who may do what: roles, tokens, people and their sessions."""
