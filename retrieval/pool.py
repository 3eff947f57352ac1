"""The one pool: work on many items by all cores, its results in the order of the items.

Pictures are decoded here whoever wants them: indexing, datasets, the measures of copies. Each thread has a process that
decodes for it, and ONNX Runtime lets go of the interpreter while it works, so threads share the cores.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from semblance.retrieval.decoding import CREW, Crew

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
    when the iterator is closed early, what has not begun never begins, what is being decoded is given up, and what else
    has begun is waited for.
    """
    threads = threads or os.cpu_count() or 1
    ahead = ahead or _AHEAD * threads
    pending: deque[Future[_Result]] = deque()
    crew = Crew()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="in-order", initializer=CREW.set, initargs=(crew,))
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) == ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        crew.end()
        pool.shutdown(wait=True)
