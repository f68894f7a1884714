"""Tiny sentence-transformers models of several architectures, with random weights and a tokenizer trained on the spot.

Here: making and saving them. Not here: any test. No hub is reached: what they compute means nothing, and must be the
same in every runtime.
"""

from pathlib import Path
from typing import Any

from ticket_assets.features.agreement import TEXTS

WIDTH = 32
_SMALL = {"num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "hidden_size": WIDTH}
# The weights are drawn wider than a training begins with: near zero, all vectors point the same way.
_WIDE = {"initializer_range": 0.4}


def _wordpiece(folder: Path, words: int) -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=words, special_tokens=special))
    ends = [(one, tokenizer.token_to_id(one)) for one in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=48, **names)


def _unigram(folder: Path, words: int) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]  # in XLM-R's order: 1 pads, and positions count from there
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=words, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    ends = [(one, tokenizer.token_to_id(one)) for one in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    names = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>"}
    names |= {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=48, **names)


def _transformer(architecture: str, words: int) -> Any:
    import transformers as t

    positions = {"max_position_embeddings": 64, "vocab_size": words}
    if architecture == "bert":
        return t.BertModel(t.BertConfig(**_SMALL, **_WIDE, **positions))
    if architecture == "xlm-roberta":
        return t.XLMRobertaModel(
            t.XLMRobertaConfig(**_SMALL, **_WIDE, **positions, type_vocab_size=1, pad_token_id=1, bos_token_id=0)
        )
    if architecture == "mpnet":
        return t.MPNetModel(t.MPNetConfig(**_SMALL, **_WIDE, **positions, pad_token_id=1))
    return t.DistilBertModel(t.DistilBertConfig(dim=WIDTH, hidden_dim=64, n_layers=2, n_heads=4, **_WIDE, **positions))


def save_tiny_model(
    folder: Path, architecture: str = "bert", pooling: str = "mean", *, normalize: bool = True, dense: bool = False
) -> Path:
    """Save a model of two layers and return its folder; it cuts at 48 tokens."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer

    torch.manual_seed(len(architecture))
    make = _wordpiece if architecture in ("bert", "distilbert") else _unigram
    tokenizer = make(folder, 400)
    raw = folder.with_name(f"{folder.name}-raw")
    _transformer(architecture, 400).save_pretrained(raw)
    tokenizer.save_pretrained(raw)
    modules: list[Any] = [Transformer(str(raw)), Pooling(WIDTH, pooling_mode=pooling)]
    modules += [Dense(WIDTH, 16)] if dense else []
    modules += [Normalize()] if normalize else []
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder
