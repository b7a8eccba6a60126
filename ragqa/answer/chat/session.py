"""One question on its way through the chat reader: who is asked, what was said, and what it cost."""

from dataclasses import dataclass, replace

from ragqa.answer.chat.conversation import Conversation, Sample, Spent, choose, reason
from ragqa.llm.model import LanguageModel, Message
from ragqa.recipe import ChatSettings


@dataclass(frozen=True, slots=True)
class Session:
    """What every task needs."""

    settings: ChatSettings
    models: tuple[LanguageModel, ...]
    conversation: Conversation
    spent: Spent

    def showing(self, conversation: Conversation) -> "Session":
        """The same with another conversation."""
        return replace(self, conversation=conversation)

    def samples(self) -> list[Sample]:
        """Each model's samples in turn; a single one is taken at the endpoint's own temperature."""
        chat = self.settings
        if chat.votes == 1:
            return [Sample(model, chat.seed) for model in self.models]
        return [Sample(model, chat.seed + i, chat.vote_temperature) for model in self.models for i in range(chat.votes)]

    async def up_to_task(self, sample: Sample, task: str) -> tuple[Message, ...]:
        """The conversation up to the task, with the model's reasoning before it where the settings ask for that."""
        conversation = self.conversation
        if not self.settings.chain_of_thought:
            return conversation.opening(task)
        thought = await reason(sample, conversation.opening(conversation.task("reason")), self.spent)
        return (*thought, Message("user", task))

    async def ballot(
        self, sample: Sample, task: str, choices: tuple[str, ...]
    ) -> tuple[dict[str, float], tuple[Message, ...]]:
        """The probability of each choice, and the turns that led to it."""
        turns = await self.up_to_task(sample, task)
        return await choose(sample, turns, choices, self.spent), turns
