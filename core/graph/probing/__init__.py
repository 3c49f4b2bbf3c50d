"""Operations without a rule: what running them shows."""
