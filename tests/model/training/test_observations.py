"""The figures and sentences that are derived from a training trace."""

from dataclasses import replace

import numpy as np
import pytest

from model.training import observations, run_log
from tests.model.training.test_run_log import document, write

__all__ = ["write"]  # a fixture: pytest takes it from here


def test_a_larger_network_is_observed(write):
    content = document()
    for epoch in content["epochs"]:
        epoch["parameters"] = 1000 if epoch["epoch"] < 3 else 1500
    said = observations.observations(run_log.read(write(content)))
    assert [" has 1,500 parameters instead of 1,000" in sentence for sentence in said] == [False, False, True, False]


def test_the_epoch_in_which_the_kinds_part_is_observed(write):
    content = document()
    for epoch in content["epochs"][:2]:
        epoch["together"] = True
    said = observations.observations(run_log.read(write(content)))
    assert ["network each" in sentence for sentence in said] == [False, False, True, False]


def test_observations_tell_what_was_special(write):
    said = observations.observations(run_log.read(write(document())))
    assert said[0] == "The start: 15% of the points are right."
    assert "25% of the hand points" in said[1] and "50% of the face points" in said[1]
    assert "75% of the hand points" in said[2] and "Converged" in said[2]
    assert "256 pixels a side instead of 128" in said[3]


def test_ordinary_epochs_name_the_most_improved_part(write):
    trace = run_log.read(write(document(accuracies=((0.3, 0.3), (0.31, 0.3), (0.32, 0.3)), crops=(64, 64, 64))))
    better = trace.epochs[2].point_nme["face"].copy()
    better[48:60] *= 0.5
    epoch = replace(trace.epochs[2], point_nme=trace.epochs[2].point_nme | {"face": better})
    said = observations.observations(replace(trace, epochs=(*trace.epochs[:2], epoch)))
    assert "lips outer (face), error −50%" in said[2]


def test_a_rising_loss_is_said(write):
    content = document()
    content["epochs"][3]["loss"] = content["epochs"][2]["loss"] * 1.1
    assert "loss rose by 10.0%" in observations.observations(run_log.read(write(content)))[3]


def test_a_long_run_tells_only_what_is_special(write):
    """Thirty epochs in which all goes evenly, but for a thumb tip that catches up, a spike, and new data."""
    accuracies = [(0.3 + 0.001 * n, 0.3 + 0.001 * n) for n in range(30)]
    content = document(accuracies, (64,) * 30)
    for epoch in content["epochs"]:
        n = epoch["epoch"]
        epoch["loss"] = 50.0 if n == 12 else 10.1 if n == 16 else 10.0
        epoch["point_nme"]["hand"][4] = 0.19 if n < 20 else epoch["point_nme"]["hand"][0]
        if n >= 25:
            epoch["sets"]["new_hands"] = {}
    said = observations.observations(run_log.read(write(content)))
    sentences = {number: sentence for number, sentence in enumerate(said, 1) if sentence}
    assert set(sentences) >= {1, 12, 13, 20, 25} and len(sentences) <= 7
    assert "rose by 400.0%" in sentences[12] and "back from its peak" in sentences[13]
    assert "Catching up (hand): thumb tip, no longer much worse than the rest." in sentences[20] and "new hands" in sentences[25]


def test_a_halved_error_is_said_once(write):
    content = document(accuracies=[(0.2 + 0.02 * n, 0.5) for n in range(25)], crops=(64,) * 25)
    said = observations.observations(run_log.read(write(content)))
    (halved,) = [number for number, sentence in enumerate(said, 1) if "mean error of hands is half of that in epoch 1" in sentence]
    mean = [np.mean(epoch["point_nme"]["hand"]) for epoch in content["epochs"]]
    assert mean[halved - 1] <= mean[0] / 2 < mean[halved - 2]


def test_lessons(write):
    said = " ".join(observations.lessons(run_log.read(write(document()))))
    assert "In 4 epochs the loss fell from 10 to 2.5." in said
    assert "accuracy rose from 10% to 80%" in said.replace("81%", "80%")
    assert "thumb tip is the hardest at the end (0.190)" in said
    assert "hardest finger is the thumb" in said
    assert "converged in epoch 3" in said


def test_lessons_say_when_other_pictures_count(write):
    content = document()
    assert "other pictures" not in " ".join(observations.lessons(run_log.read(write(content))))
    content["epochs"][3]["sets"]["wild"] = {}
    (said,) = [line for line in observations.lessons(run_log.read(write(content))) if "other pictures" in line]
    assert said.startswith("From epoch 4 on other pictures count too (wild), and accuracy went from 82% to 83%")


def test_a_run_that_still_improves_has_not_converged(write):
    trace = run_log.read(write(document(accuracies=((0.1, 0.1), (0.3, 0.3), (0.5, 0.5)), crops=(64, 64, 64))))
    assert observations.converged(trace) is None
    assert "still rising" in observations.lessons(trace)[-1]


def test_a_run_of_one_kind(write):
    content = document()
    for epoch in content["epochs"]:
        for figures in ("accuracy", "nme", "point_nme"):
            del epoch[figures]["hand"]
    trace = run_log.read(write(content))
    assert trace.kinds == ("face",) and observations.finger_errors(trace) == {}
    assert len(observations.observations(trace)) == 4 and observations.lessons(trace)


def test_rows_cover_every_point_once():
    for kind, count in (("hand", 21), ("face", 68)):
        for rows in (observations.rows_of(kind), observations.parts_of(kind)):
            assert sorted(point for points in rows.values() for point in points) == list(range(count))


def test_errors_are_means_over_the_rows_points(write):
    trace = run_log.read(write(document()))
    table = observations.errors(trace, "hand", observations.parts_of("hand"))
    assert table.shape == (6, 4)
    assert table[0] == pytest.approx([0.18, 0.12, 0.04, 0.039])
    assert table[1] == pytest.approx([(3 * e + 0.19) / 4 for e in (0.18, 0.12, 0.04, 0.039)])
