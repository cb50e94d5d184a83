"""Print a benchmark's figures."""


def within_budget(
    name: str, value: float, budget: float | None, unit: str = ""
) -> bool:
    """Print a figure and return whether it is within its budget; without a budget, True."""
    shown = f"{name}: {value:,.2f}".removesuffix(".00") + unit
    if budget is None:
        print(f"{shown} (no budget)", flush=True)
        return True
    print(f"{shown} (budget {budget:,}{unit})", flush=True)
    return value <= budget
