"""The one pool: work on many items by all cores, its results in the order of the items.

Pictures are decoded here whoever wants them: indexing, datasets, the measures of copies. Pillow and ONNX Runtime let go
of the interpreter while they work, so threads share the cores.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_AHEAD = 4  # items in flight for each thread: enough to do while whoever takes the results is busy with one


def in_order(
    function: Callable[[_Item], _Result],
    items: Iterable[_Item],
    threads: int | None = None,
    ahead: int | None = None,
) -> Iterator[_Result]:
    """`function` of each item, in the order of `items`, by `threads` (None: as many as there are cores).

    At most `ahead` items (None: four for each thread) have been taken and not given back at any time, so the memory
    stays bounded however slowly the results are fetched. What `function` raises is raised here in its place; then, or
    when the iterator is closed early, what has not begun never begins and what has is waited for.
    """
    threads = threads or os.cpu_count() or 1
    ahead = ahead or _AHEAD * threads
    pending: deque[Future[_Result]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="in-order")
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) == ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
