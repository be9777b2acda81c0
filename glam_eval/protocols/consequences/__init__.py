"""What a language model knows of what actions do: which observation follows, what is reached, or nearer."""

from glam_eval.protocols.consequences.asking import check_consequences, consequence_records
from glam_eval.protocols.consequences.items import make_items
from glam_eval.protocols.consequences.question import Item

__all__ = ["Item", "check_consequences", "consequence_records", "make_items"]
