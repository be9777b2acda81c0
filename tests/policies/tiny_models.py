"""Random-weight models and tokenizers of public formats, made here."""

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE, Unigram
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    PreTrainedTokenizerFast,
    T5Tokenizer,
)

from glam_eval.config.policy import LoraConfig
from glam_eval.policies.models.adapters import add_adapters
from glam_eval.policies.models.loading import new_model

TEXTS = [
    "Possible action of the agent: turn left, turn right, go forward, pick up, drop, toggle \n "
    "Goal of the agent: go to the red ball \n Observation 0: You see a wall 2 steps left, You see a key,",
    "Actions possibles pour l'agent: tourner à gauche, tourner à droite \n But de l'agent: aller à la clef",
    "gehe zum grünen Ball, mergi la mingea verde, raccogli la chiave, recoge la llave roja é ș ț ß",
    "I would like the agent to: open the purple door 0123456789 - ' . : ,",
]


def t5(seed=0, kind="t5", **values):
    """A T5 v1.1 (or mT5, UMT5) with random weights; ``values`` override a small shape."""
    shape = {"d_model": 48, "d_kv": 8, "num_heads": 3, "d_ff": 96, "num_layers": 3, "num_decoder_layers": 2}
    config = AutoConfig.for_model(
        kind,
        **{
            "vocab_size": 1200,
            "feed_forward_proj": "gated-gelu",
            "decoder_start_token_id": 0,
            "tie_word_embeddings": False,
            **shape,
            **values,
        },
    )
    model = new_model(config, seed, tied=values.get("tie_word_embeddings", False))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.2)
    return model


WIDE = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
GROUPED = WIDE | {"num_key_value_heads": 2}
HEADED = GROUPED | {"head_dim": 8}
OLD = {"n_embd": 32, "n_layer": 2, "n_head": 4}
BART_SIZES = {"layers": 2, "attention_heads": 4, "ffn_dim": 48}
EXPERTS = GROUPED | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
SIZES = {
    "gpt2": OLD | {"n_positions": 256},
    "gpt_neox": WIDE,
    "mistral": GROUPED | {"sliding_window": None},
    "gemma": HEADED,
    "gemma2": HEADED | {"sliding_window": 512, "final_logit_softcapping": 3.0, "attn_logit_softcapping": 2.0},
    "gemma3_text": HEADED | {"sliding_window": 512, "sliding_window_pattern": 2},
    "vaultgemma": HEADED | {"sliding_window": 512, "final_logit_softcapping": 3.0},
    "smollm3": GROUPED | {"no_rope_layers": [1, 0]},
    "opt": {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32, "ffn_dim": 48}
    | {"word_embed_proj_dim": 24, "max_position_embeddings": 512, "do_layer_norm_before": False},
    "granite": GROUPED | {"logits_scaling": 3.0, "embedding_multiplier": 2.0, "residual_multiplier": 0.5},
    "cohere": GROUPED | {"logit_scale": 0.25},
    "cohere2": GROUPED | {"logit_scale": 0.25, "head_dim": 8},
    "falcon": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4},
    "gptj": OLD | {"rotary_dim": 4},
    "codegen": OLD | {"rotary_dim": 4},
    "gpt_bigcode": OLD,
    "gpt_neo": {"hidden_size": 32, "num_layers": 2, "num_heads": 4}
    | {"attention_types": [[["global", "local"], 1]], "window_size": 512},
    "biogpt": WIDE,
    "phi": WIDE,
    "qwen2_moe": EXPERTS | {"shared_expert_intermediate_size": 16},
    "qwen3_moe": EXPERTS | {"head_dim": 8},
    "mixtral": GROUPED | {"num_local_experts": 4},
    "olmoe": GROUPED | {"num_experts": 4, "num_experts_per_tok": 2},
    **dict.fromkeys(
        ("glm", "glm4", "helium", "ministral", "hunyuan_v1_dense", "seed_oss", "ernie4_5"), HEADED
    ),
}


def causal(kind, vocabulary, seed=0, **values):
    """A two-layer decoder-only model of a family."""
    special = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), 0)
    values = {"initializer_range": 0.3, **special, **SIZES.get(kind, GROUPED), **values}
    config = AutoConfig.for_model(kind, vocab_size=vocabulary, **values)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config).eval()


def bart(vocabulary, seed=0):
    """A two-layer BART, whose logits have a bias."""
    sizes = {f"{part}_{name}": n for part in ("encoder", "decoder") for name, n in BART_SIZES.items()}
    config = AutoConfig.for_model(
        "bart", vocab_size=vocabulary, d_model=32, max_position_embeddings=256, init_std=0.3, **sizes
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForSeq2SeqLM.from_config(config).eval()
        model.final_logits_bias.normal_()
    return model


def sentencepiece_style_tokenizer():
    """A Unigram tokenizer in FLAN-T5's format, through ``transformers``' own T5 class."""
    trained = Tokenizer(Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator(
        TEXTS * 4,
        trainers.UnigramTrainer(
            vocab_size=160, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
        ),
    )
    vocabulary = sorted(trained.get_vocab().items(), key=lambda item: item[1])
    return T5Tokenizer(vocab=[(piece, -float(rank) / 10) for piece, rank in vocabulary], extra_ids=4)


def byte_level_tokenizer():
    """A byte-level BPE tokenizer in GPT-2's format."""
    trained = Tokenizer(BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trained.train_from_iterator(
        TEXTS * 4,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<|endoftext|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=trained, eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    )


def adapted(kind, vocabulary, scale):
    """A decoder-only model whose adapters change something, and what learns of it."""
    model = causal(kind, vocabulary, initializer_range=scale)
    add_adapters(model, LoraConfig(rank=3, alpha=12), seed=0)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return model, [p for name, p in model.named_parameters() if "lora_" in name]
