"""An independent reference: a plain Hugging Face loop, one action of one prompt at a time, no tricks."""

import torch


def plain_score(model, tokenizer, prompt, action, normalization="sum", end_of_sequence=False):
    """Score one action after one prompt with the model's own forward pass."""
    end = [tokenizer.eos_token_id] if end_of_sequence else []
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


def plain_scores(model, tokenizer, prompts, actions, **options):
    """Score every action after every prompt: (n_prompts, n_actions)."""
    return torch.stack(
        [
            torch.stack([plain_score(model, tokenizer, prompt, action, **options) for action in actions])
            for prompt in prompts
        ]
    )
