"""A second opinion on who gets in, written from the language's reference alone: it shares no code with engine/ or sandbox/."""
