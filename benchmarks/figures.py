"""How a benchmark speaks."""


def keeps(name: str, value: float, budget: float, unit: str = "") -> bool:
    """Print a figure and tell whether it keeps its budget."""
    shown = f"{value:,.1f}".removesuffix(".0") + unit
    print(f"{name}: {shown} (budget {budget:,}{unit})", flush=True)
    return value <= budget
