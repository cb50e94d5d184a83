"""Zero Trust Access as the edge applies it: applications, policies, logins and their tokens."""
