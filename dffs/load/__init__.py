"""Fill memory from files by parallel reads: any mount's fastest way, for programs that load models.

`parallel_load(path)` returns one buffer with the whole file; `dffs.load.safetensors` makes numpy
arrays of it without a copy. Nothing here needs a volume: it works on every file system.
"""

from dffs.load.parallel import Loaded, parallel_load, parallel_read_into

__all__ = ["Loaded", "parallel_load", "parallel_read_into"]
