"""The two spellings of a name whose letters are not all ASCII."""


def ascii_form(name: str) -> str:
    """Return the form in which DNS has a name, in lower case; what IDNA refuses stays."""
    try:
        return name.lower().encode("idna").decode()
    except UnicodeError:
        return name.lower()
