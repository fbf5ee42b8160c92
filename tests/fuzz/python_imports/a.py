"""A module."""
from __future__ import annotations
import os.path, numpy as np, .no
from pandas.core import frame as f
from . import near
  import inner
import a;import b # c
