"""The quiz's widgets. The session holds what the visitor chose and nothing else."""

import streamlit as st

from model.training.run_log import TrainingTrace
from pages.parts.explore.example_picker import Selection
from pages.parts.learn.questions import Question, questions


@st.fragment
def show_quiz(trace: TrainingTrace | None, selection: Selection | None) -> None:
    """All questions, each explained as soon as it is answered; the score; and another try."""
    turn = st.session_state.setdefault("quiz_round", 0)
    st.session_state.setdefault("quiz_answers", {})
    asked = questions(trace, selection.instance if selection else None, selection.point_names if selection else [], turn)
    st.markdown(f"{len(asked)} questions. You answer each one once, and the explanation follows. Nothing is stored.")
    instance = selection.key if selection else ""
    keys = [f"quiz_{turn}_{question.name}_{instance if question.name in _OWN else ''}" for question in asked]
    with st.container(key="quiz"):  # two beside each other where there is room: page.css
        answers = [_ask(number, question, key) for number, (question, key) in enumerate(zip(asked, keys), 1)]
    answered = sum(answer is not None for answer in answers)
    right = sum(answer == question.options[question.right] for answer, question in zip(answers, asked))
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f"**Score: {right} of {len(asked)}**" + _verdict(answered, right, len(asked)))
        st.button("Try again", on_click=_again, disabled=not answered, key="quiz_again")


_OWN = ("unsure", "pixel")  # about the visitor's picture: another picture, another question


def _ask(number: int, question: Question, key: str) -> str | None:
    """Asks until an answer is checked; from then on it stands, with its explanation."""
    given = st.session_state["quiz_answers"]
    label, answer = f"**{number}.** {question.text}", given.get(key)
    with st.container(border=True):
        if answer is None:
            # Checked by a button: with the arrow keys one can't walk through the options without choosing them.
            choice = st.radio(label, question.options, index=None, key=key, persist_state="session")
            st.button("Check", key=f"{key}_check", disabled=choice is None, on_click=given.update, args=({key: choice},))
            return None
        st.radio(label, question.options, index=question.options.index(answer), key=f"{key}_given", disabled=True)
        if answer == question.options[question.right]:
            st.success(f"Right. {question.why}", icon=":material/check_circle:")
        else:
            st.error(f"No: **{question.options[question.right]}**. {question.why}", icon=":material/cancel:")
        return answer


def _verdict(answered: int, right: int, all_: int) -> str:
    if answered < all_:
        return f", {all_ - answered} to go."
    return ". All correct!" if right == all_ else ". Try again for a full score."


def _again() -> None:
    st.session_state["quiz_answers"] = {}
    st.session_state["quiz_round"] += 1
