"""Questions on a situation that ask for no action: what follows, what is reached, what takes longer."""

from collections.abc import Sequence
from functools import cache

from pydantic import BaseModel, ConfigDict

from glam_eval.language.lexicon import read_table
from glam_eval.language.prompts import pieces_of
from glam_eval.language.speakers import Speaker


class Questions(BaseModel):
    """How a language asks and answers, in plain words under any shift; of a cipher they are English."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    question: str
    answer: str
    yes: str
    no: str
    reached: str
    shorter: str  # with {first} and {second}, goals

    def ask(self, question: str) -> str:
        """Return the lines of a question, after which the answer is to be said."""
        return f"\n{self.question} {question} \n {self.answer} "


@cache
def questions(language: str) -> Questions:
    """Return how a language asks and answers, one of ``LANGUAGES``."""
    return Questions.model_validate(read_table("questions.toml")[language])


def tell_observation(speaker: Speaker, template: str, sentences: Sequence[str]) -> str:
    """Return an observation as a prompt tells it, without what stands after its last sentence."""
    return pieces_of(speaker, template).after_sentence.join(sentences)


def render_outcome_question(
    speaker: Speaker,
    template: str,
    actions: Sequence[str],
    goal: str | None,
    observations: Sequence[Sequence[str]],
    taken: Sequence[str],
) -> tuple[str, str]:
    """Return the prompt after which the observation is to be told that follows the last action.

    It is the prompt of an agent, told on by one action. Returned with it: the same without goal and past.

    Args:
        speaker: whose phrases fill the template.
        template: its name.
        actions: the phrases offered.
        goal: the sentence of the goal, None where it is hidden.
        observations: 1 to 8 tuples of sentences, oldest first.
        taken: the action phrases after each of them.
    """
    pieces = pieces_of(speaker, template)
    told = [pieces.tell(sentences) for sentences in observations]
    begun = pieces.join(pieces.open(actions, goal), [*told, ""], taken)
    newest = len(told)
    bare = pieces.open(actions, None) + pieces.before_newest[newest]
    return begun.removesuffix(pieces.before_choice[newest]), bare


def render_question(
    speaker: Speaker,
    template: str,
    actions: Sequence[str],
    goal: str | None,
    sentences: Sequence[str],
    question: str,
) -> tuple[str, str]:
    """Return a prompt that tells of one moment and asks a question in place of an action.

    Returned with it: the same without goal and moment. Arguments are those of ``render_outcome_question``,
    but for the moment's ``sentences`` and the ``question``.
    """
    pieces = pieces_of(speaker, template)
    asked = questions(speaker.goal_voice.language).ask(question)
    ended = pieces.before_choice[0].rpartition("\n")[0]  # a closing tag, where the layout has one
    seen = pieces.before_newest[0] + pieces.tell(sentences) + ended
    return pieces.open(actions, goal) + seen + asked, pieces.open(actions, None) + asked
