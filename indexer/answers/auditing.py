"""Answers asked again exactly: how an engine that has gone wrong, or approximates, is noticed while it serves.

An approximate engine has a recall that depends on the pictures and the questions; an exact one should have 1, and has
not where memory, a file or a program is damaged. So what was answered is answered again by brute force (brute.py), with
all else that a question says: narrowing, folding, where to stop, in which order.
"""

from collections.abc import Generator
from typing import Any

import numpy as np

from semblance.indexer.answers import several
from semblance.indexer.answers.asking import Answer, Question, Way, answer
from semblance.indexer.answers.questions import Several
from semblance.retrieval.errors import SemblanceError


def recall(way: Way[Any], question: Question[Any], given: Answer) -> Generator[None, None, float]:
    """What share of the pictures of the exact answer is in the one that was given: recall@k; in steps.

    Ties are counted fairly: of pictures that are as near as the last of the exact answer, each is as right as another.
    One whose distance is not what was said is wrong. Raises SemblanceError where the question has no answer any more.
    """
    way = way.narrowed(question.wishes.among) if question.wishes.among else way
    by = several.query(way, question.by) if isinstance(question.by, Several) else question.by
    query = way.of_id(by) if isinstance(by, int) else by
    exact = yield from way.exact(query)
    (found,) = answer(exact, [question])
    if isinstance(found, SemblanceError):
        raise found
    if not found.results:
        return 1.0
    wanted = np.array([hit.id for hit in found.results])
    last = exact.costs(query, wanted)[1].max()
    said = {hit.id: hit.distance for hit in given.results}
    ids = np.array(sorted(said), np.int64)
    if not said:
        return 0.0
    distances, costs = exact.costs(query, ids)
    true = np.isclose(distances, [said[id] for id in ids.tolist()], rtol=0, atol=1e-6)
    return min(1.0, float(np.sum(true & (costs <= last))) / len(wanted))
