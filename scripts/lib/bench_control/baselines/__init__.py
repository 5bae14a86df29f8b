"""Controllers that need no training, to compare the product with.

They see the same reads in the same call, obey the same minimum greens, ambers and all-reds, and speak as the product's
agents do. `fixed` alone sees nothing: it plays the net's own program.
"""

from .driver import BASELINES, Baselines

__all__ = ["BASELINES", "Baselines"]
