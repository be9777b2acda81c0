"""An independent reference: a plain Hugging Face loop, one action of one prompt at a time, no tricks."""

import torch


def plain_score(model, tokenizer, prompt, action, normalization="sum", end_of_sequence=False, others=()):
    """Score one action after one prompt with the model's own forward pass.

    A decoder-only model reads them as one text, whose tokens beyond those of the prompt are the action's.
    """
    end = [tokenizer.eos_token_id] if end_of_sequence else []
    if not model.config.is_encoder_decoder and not end_of_sequence:
        return joint_score(model, tokenizer, prompt, action, normalization, others or [action])
    context = tokenizer(prompt, add_special_tokens=False)["input_ids"] + end
    target = tokenizer(action, add_special_tokens=False)["input_ids"] + end
    if model.config.is_encoder_decoder:
        start = [model.config.decoder_start_token_id]
        logits = model(
            input_ids=torch.tensor([context]), decoder_input_ids=torch.tensor([start + target[:-1]])
        ).logits[0]
    else:
        logits = model(input_ids=torch.tensor([context + target[:-1]])).logits[0, len(context) - 1 :]
    if normalization == "logits":
        return sum(logits[i, token] for i, token in enumerate(target))
    total = sum(logits[i].log_softmax(-1)[token] for i, token in enumerate(target))
    divisor = {"sum": 1, "token": len(target), "word": len(action.split())}[normalization]
    return total / divisor


def common(texts):
    """How many first items are the same in all lists."""
    shortest = min(map(len, texts))
    return next(n for n in range(shortest, -1, -1) if all(text[:n] == texts[0][:n] for text in texts))


def joint_score(model, tokenizer, prompt, action, normalization, others):
    """Score an action by the tokens that the joint text has beyond what all of a prompt's texts share."""
    texts = [tokenizer(text)["input_ids"] for text in (prompt, *(prompt + other for other in others))]
    shared, ids = common(texts), tokenizer(prompt + action)["input_ids"]
    logits = model(input_ids=torch.tensor([ids[:-1]])).logits[0, shared - 1 :]
    values = logits if normalization == "logits" else logits.log_softmax(-1)
    total = sum(values[i, token] for i, token in enumerate(ids[shared:]))
    divisor = {"token": len(ids) - shared, "word": len(action.split())}.get(normalization, 1)
    return total / divisor


def plain_scores(model, tokenizer, prompts, actions, **options):
    """Score every action after every prompt: (n_prompts, n_actions)."""
    return torch.stack(
        [
            torch.stack(
                [plain_score(model, tokenizer, prompt, each, others=actions, **options) for each in actions]
            )
            for prompt in prompts
        ]
    )
