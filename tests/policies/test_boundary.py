"""Where a prompt ends and an action begins: prompt and action have the tokens of their one text."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tiny_models import TEXTS, byte_level_tokenizer, causal, sentencepiece_style_tokenizer
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE, Unigram, WordPiece
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from glam_eval.language import LANGUAGES, render_prompt, speaker
from glam_eval.policies import score_actions
from glam_eval.policies.models.tokenizer import embedded_tokenizer
from glam_eval.policies.scoring.tokens import CachedTokenizer

LLAMA_3 = (
    r"(?i:'s|'t|'re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def trained(model, trainer, pre_tokenizer, normalizer=None, post_processor=None, **special):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(TEXTS * 4, trainer)
    if post_processor is not None:
        tokenizer.post_processor = post_processor
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def llama_3():
    split = pre_tokenizers.Split(Regex(LLAMA_3), "isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|begin|>", "<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    begin = processors.TemplateProcessing(single="<|begin|> $A", special_tokens=[("<|begin|>", 0)])
    whole = pre_tokenizers.Sequence([split, level])
    return trained(BPE(), trainer, whole, None, begin, bos_token="<|begin|>", eos_token="<|end|>")


def llama_2():
    """SentencePiece's BPE as Llama 2 has it: spaces are letters, no word is cut from another."""
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False, max_token_length=12
    )
    marks = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer = trained(BPE(unk_token="<unk>"), trainer, pre_tokenizers.Metaspace(), unk_token="<unk>")
    backend = tokenizer.backend_tokenizer
    backend.normalizer, backend.pre_tokenizer = marks, None
    backend.decoder = decoders.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", eos_token="</s>")


def word_piece(pre_tokenizer):
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[UNK]"], show_progress=False)
    model = WordPiece(unk_token="[UNK]")
    return trained(model, trainer, pre_tokenizer, normalizers.NFC(), unk_token="[UNK]")


def unigram_without_words():
    """A Unigram model that sees the whole text at once, so that an action may change pieces before it."""
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    whole = pre_tokenizers.Metaspace(split=False)
    return trained(Unigram(), trainer, whole, unk_token="<unk>")


TOKENIZERS = {
    "embedded": embedded_tokenizer,
    "T5's": sentencepiece_style_tokenizer,
    "GPT-2's": byte_level_tokenizer,
    "Llama 3's": llama_3,
    "Llama 2's": llama_2,
    "WordPiece": lambda: word_piece(pre_tokenizers.BertPreTokenizer()),
    "WordPiece by spaces": lambda: word_piece(pre_tokenizers.WhitespaceSplit()),
    "unigram of whole texts": unigram_without_words,
    "bytes": ByT5Tokenizer,
}

phrases = st.sampled_from(["turn left", "turn right", "turn", "go", "à la", "ș", " drop", "12", ", left"])
actions_lists = st.lists(phrases, min_size=1, max_size=6)
endings = st.sampled_from([" \n Action 0: ", "\n Action 0:", " ", "", "  ", "\n", " tur", " 1", "\u00a0"])
prompts = st.tuples(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2), endings).map(
    lambda parts: " ".join(parts[0]) + parts[1]
)


@pytest.fixture(scope="module", params=TOKENIZERS)
def tokenizer(request):
    return TOKENIZERS[request.param]()


def whole(tokenizer, text):
    """All tokens of a text, what begins texts included, what ends them not."""
    ids = tokenizer(text)["input_ids"]
    return ids[:-1] if tokenizer("a")["input_ids"][-1] == tokenizer.eos_token_id else ids


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(prompts, actions_lists), min_size=1, max_size=3))
@example([("Goal of the agent: go \n Action 0: ", ["turn left", "drop"])])
@example([("Goal: go to", [" the ball", "the ball", " the ball"])])
def test_prompt_and_action_are_the_tokens_of_their_one_text(tokenizer, cases):
    cached = CachedTokenizer(tokenizer, capacity=50, joint=True)
    for prompt, actions in cases * 2:
        ids, offered = cached.encode_choice(prompt, actions)
        texts = [whole(tokenizer, prompt + action) for action in actions]
        assert [[*ids.tolist(), *tokens] for tokens in offered.tokens] == texts
        alone = whole(tokenizer, prompt)
        assert alone[: len(ids)] == ids.tolist()
        # Nothing that all texts share is left to the actions.
        assert any(text[: len(ids) + 1] != alone[: len(ids) + 1] for text in texts) or len(ids) == len(alone)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["paper", "prose"])
def test_a_space_before_an_action_belongs_to_it(language, template):
    tokenizer, speaks = byte_level_tokenizer(), speaker(language)
    actions = speaks.actions("canonical")
    prompt = render_prompt(speaks, template, actions, "x", [["y"]], [])
    ids, offered = CachedTokenizer(tokenizer, joint=True).encode_choice(prompt, actions)
    assert tokenizer.decode(ids) == prompt.removesuffix(" ")
    assert [tokenizer.decode(tokens) for tokens in offered.tokens] == [f" {action}" for action in actions]


def test_a_decoder_only_model_scores_the_joint_text():
    tokenizer = byte_level_tokenizer()
    model = causal("llama", len(tokenizer))
    prompt, actions = f"{TEXTS[0]} \n Action 0: ", ["turn left", "drop", "go forward"]
    with torch.no_grad():
        scores = score_actions(model, tokenizer, [prompt], actions)[0]
        whole = []
        for action in actions:
            ids = torch.tensor([tokenizer(prompt + action)["input_ids"]])
            given = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
            whole.append(given.gather(1, ids[0, 1:, None]).sum())
    torch.testing.assert_close(scores - scores[0], torch.stack(whole) - whole[0], rtol=1e-4, atol=1e-4)


def test_an_encoder_decoder_reads_two_texts(nano):
    tokenizer = nano[1]
    cached = CachedTokenizer(tokenizer, joint=False)
    for text, actions in ((f"{TEXTS[0]} \n Action 0: ", ["turn left", "drop"]), ("go", ["to", "go"])):
        for end in (False, True):
            prompt, offered = cached.encode_choice(text, actions, end)
            assert prompt.tolist() == cached.encode_prompt(text, end).tolist()
            assert offered == cached.encode_actions(actions, end)


def test_an_end_of_sequence_stands_between_prompt_and_action():
    tokenizer = byte_level_tokenizer()
    ids, offered = CachedTokenizer(tokenizer, joint=True).encode_choice("go ", ["left"], end_of_sequence=True)
    end = tokenizer.eos_token_id
    assert ids.tolist() == [*tokenizer("go ")["input_ids"], end]
    assert offered.tokens == ((*tokenizer("left")["input_ids"], end),)
