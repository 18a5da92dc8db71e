"""Waiting for a turn: bounded, in order, and given up by those who go."""

import threading
import time

import pytest

from pages.parts.server.work_queue import PATIENCE, WorkQueue


def test_no_more_at_work_than_places():
    turns, most, now, lock = WorkQueue(2), 0, 0, threading.Lock()

    def work():
        nonlocal most, now
        with turns.slot():
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.02)
            with lock:
                now -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == 2 and turns.working == turns.waiting == 0


def test_a_visitor_with_many_photos_and_one_with_few_alternate():
    turns, order = WorkQueue(1), []
    first = turns.slot()
    first.__enter__()  # holds the place until both have asked for it

    def visitor(name: str, photos: int) -> None:
        for _ in range(photos):
            with turns.slot():
                order.append(name)
                time.sleep(0.05)  # longer than the other one needs to ask again

    threads = [threading.Thread(target=visitor, args=given) for given in (("many", 8), ("few", 2))]
    for number, thread in enumerate(threads, 1):
        thread.start()
        while turns.waiting < number:
            time.sleep(0.01)
    first.__exit__(None, None, None)
    for thread in threads:
        thread.join(30)
    assert order[:4] == ["many", "few", "many", "few"] and order.count("many") == 8


def test_the_place_in_the_queue_is_reported():
    turns, heard = WorkQueue(1), []
    with turns.slot() as waited:
        assert waited < PATIENCE
        behind = threading.Thread(target=lambda: turns.slot(heard.append).__enter__())
        third = threading.Thread(target=lambda: turns.slot(heard.append).__enter__())
        behind.start()
        while turns.waiting < 1:
            time.sleep(0.01)
        third.start()
        while 2 not in heard:
            time.sleep(0.01)
        assert turns.working == 1 and turns.waiting == 2
    behind.join(30)
    assert not behind.is_alive() and set(heard) >= {1, 2}


class Gone(BaseException):
    """Streamlit ends a visitor's script with such a one."""


@pytest.mark.parametrize("when", ["waiting", "working"])
def test_who_goes_frees_the_place(when):
    turns = WorkQueue(1)

    def leave(ahead: int) -> None:
        raise Gone

    with pytest.raises(Gone):
        if when == "waiting":
            with turns.slot(), turns.slot(leave):
                pass
        else:
            with turns.slot():
                raise Gone
    assert turns.working == turns.waiting == 0
    with turns.slot() as waited:
        assert waited < PATIENCE
