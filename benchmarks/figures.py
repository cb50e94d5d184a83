"""How a benchmark speaks."""


def keeps(name: str, value: float, budget: float | None, unit: str = "") -> bool:
    """Print a figure and tell whether it keeps its budget; without one it is only told."""
    shown = f"{name}: {value:,.1f}".removesuffix(".0") + unit
    if budget is None:
        print(f"{shown} (no budget)", flush=True)
        return True
    print(f"{shown} (budget {budget:,}{unit})", flush=True)
    return value <= budget
