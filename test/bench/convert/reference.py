"""Tiny random checkpoints of every architecture by transformers, with logits, and what llama.cpp's converter makes of them.

python reference.py OUT LLAMA_CPP TEXT [NAME...]

OUT/NAME/            the checkpoint: safetensors, config, tokenizer
OUT/MODEL_METHOD/    one with weights as quantizers write them
OUT/NAME.TYPE.gguf   by LLAMA_CPP/convert_hf_to_gguf.py, in float32 and, of some, in bfloat16 and float16
OUT/NAME.logits      float32 [tokens, vocabulary] of OUT/NAME.tokens (int32), computed in float32
TEXT                 UTF-8, what a SentencePiece vocabulary is trained on
"""

import json
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
import transformers

OUT, LLAMA_CPP, TEXT = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
ONLY = sys.argv[4:]
sys.path[1:1] = [str(LLAMA_CPP), str(LLAMA_CPP / "gguf-py")]
import gguf  # noqa: E402

TOKENS = 24
PIECES = 512
# Sizes that no two of are equal, so that a wrong axis shows.
SMALL = dict(hidden_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, intermediate_size=96,
             max_position_embeddings=256)
EXPERTS = dict(num_experts_per_tok=2, moe_intermediate_size=40)
LATENT = dict(SMALL, num_key_value_heads=4, kv_lora_rank=24, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=12,
              n_routed_experts=6, n_shared_experts=1, num_experts_per_tok=2, moe_intermediate_size=40,
              first_k_dense_replace=1)
HALF = 16 // 2
LONG = dict(rope_type="longrope", long_factor=[1.0 + 0.5 * i for i in range(HALF)],
            short_factor=[1.0 + 0.1 * i for i in range(HALF)], rope_theta=10000.0,
            original_max_position_embeddings=512)
# Bounds of its ramp are whole numbers in llama.cpp, as without truncate=False.
STRETCHED = dict(rope_type="yarn", rope_theta=150000.0, factor=32.0, original_max_position_embeddings=4096, beta_fast=32.0,
                 beta_slow=1.0)
YARN = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=64, beta_fast=32,
            beta_slow=1, mscale=0.707, mscale_all_dim=0.707)

# Name, class of the model, tokenizer, and what its config says.
CHECKPOINTS = {
    "llama": ("Llama", "pieces", dict(SMALL, tie_word_embeddings=True, rope_parameters=dict(
        rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=64))),
    "mistral": ("Mistral", "pieces", dict(SMALL, head_dim=20, sliding_window=None)),
    "mixtral": ("Mixtral", "pieces", dict(SMALL, num_local_experts=4, num_experts_per_tok=2)),
    "qwen2": ("Qwen2", "pieces", dict(SMALL)),
    "qwen2_moe": ("Qwen2Moe", "bpe", dict(SMALL, **EXPERTS, num_experts=6,
                  shared_expert_intermediate_size=56)),
    "qwen3": ("Qwen3", "bpe", dict(SMALL, head_dim=24)),
    "qwen3_moe": ("Qwen3Moe", "bpe", dict(SMALL, **EXPERTS, num_experts=6, head_dim=24, norm_topk_prob=True)),
    "gemma2": ("Gemma2", "pieces", dict(SMALL, head_dim=16, query_pre_attn_scalar=16, sliding_window=32)),
    "gemma3_text": ("Gemma3", "pieces", dict(SMALL, num_hidden_layers=7, head_dim=16, query_pre_attn_scalar=16,
                    sliding_window=32)),
    "phi3": ("Phi3", "pieces", dict({**SMALL, "max_position_embeddings": 2048}, original_max_position_embeddings=512,
             rope_parameters=LONG)),
    "smollm3": ("SmolLM3", "pieces", dict(SMALL, num_hidden_layers=5)),
    "olmo2": ("Olmo2", "bpe", dict(SMALL)),
    "deepseek_v2": ("DeepseekV2", "bpe", dict(LATENT, q_lora_rank=20, n_group=1, topk_group=1, rope_parameters=YARN)),
    "deepseek_v3": ("DeepseekV3", "bpe", dict(LATENT, q_lora_rank=20, n_group=2, topk_group=1)),
    "gpt_oss": ("GptOss", "bpe", dict(SMALL, num_local_experts=4, num_experts_per_tok=2, head_dim=32, sliding_window=128,
                # As OpenAI's: a GGUF file has no room for another word.
                rope_parameters={**STRETCHED, "truncate": False})),
    "bert": ("Bert", "words", {k: v for k, v in SMALL.items() if k != "num_key_value_heads"}),
}
CLASSES = {"Gemma3": ("Gemma3TextConfig", "Gemma3ForCausalLM"), "Bert": ("BertConfig", "BertModel")}
TYPES = {"llama": ["bf16", "f16"], "gemma2": ["bf16"], "qwen3_moe": ["bf16"], "deepseek_v3": ["f16"]}


def vocabulary(name):
    reader = gguf.GGUFReader(LLAMA_CPP / "models" / f"ggml-vocab-{name}.gguf")
    field = lambda key: reader.get_field(key).contents()
    return field


def pieces_tokenizer(folder):
    model = OUT / "pieces.model"
    if not model.exists():
        import sentencepiece
        sentencepiece.SentencePieceTrainer.train(
            input=str(TEXT), model_prefix=str(OUT / "pieces"), vocab_size=PIECES, model_type="bpe", byte_fallback=True,
            character_coverage=1.0, normalization_rule_name="identity", minloglevel=2,
            # llama.cpp looks for it in every Phi-3.
            user_defined_symbols="<|endoftext|>")
    shutil.copy(model, folder / "tokenizer.model")
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(
        tokenizer_class="LlamaTokenizer", bos_token="<s>", eos_token="</s>", unk_token="<unk>", add_bos_token=True,
        add_eos_token=False)))


def bpe_tokenizer(folder):
    field = vocabulary("gpt-2")
    tokens = field("tokenizer.ggml.tokens")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    merges = [tuple(pair.split(" ")) for pair in field("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    end = "<|endoftext|>"
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=end, eos_token=end,
                                         unk_token=end).save_pretrained(folder)


def words_tokenizer(folder):
    field = vocabulary("bert-bge")
    control = gguf.TokenType.CONTROL
    kinds = field("tokenizer.ggml.token_type")
    spelled = lambda token, kind: token if kind == control else token[1:] if token[0] == "\u2581" else "##" + token
    words = [spelled(token, kind) for token, kind in zip(field("tokenizer.ggml.tokens"), kinds)]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)


TOKENIZERS = dict(pieces=(pieces_tokenizer, PIECES), bpe=(bpe_tokenizer, 50257), words=(words_tokenizer, 30522))


def randomize(model, seed):
    """Weights large enough that every part of the graph moves the logits."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        norm = "norm" in name.lower() and parameter.dim() == 1 and name.endswith("weight")
        centre = 1.0 if norm and "gemma" not in type(model).__name__.lower() else 0.0
        parameter.data = centre + noise * (0.1 if parameter.dim() == 1 else parameter.shape[-1] ** -0.5)
    for name, buffer in model.named_buffers():
        if name.endswith("e_score_correction_bias"):
            buffer.data = 0.1 * torch.randn(buffer.shape, generator=generator)


def make(name):
    family, kind, said = CHECKPOINTS[name]
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    config_class, model_class = CLASSES.get(family, (f"{family}Config", f"{family}ForCausalLM"))
    tokenizer, size = TOKENIZERS[kind]
    config = getattr(transformers, config_class)(vocab_size=size, bos_token_id=1, eos_token_id=2, pad_token_id=0, **said)
    config._attn_implementation = "eager"
    model = getattr(transformers, model_class)(config).float().eval()
    randomize(model, seed=len(name))
    # One of them in parts.
    model.save_pretrained(folder, max_shard_size="100KB" if name == "mixtral" else "5GB")
    tokenizer(folder)
    tokens = np.random.default_rng(7).integers(3, size, TOKENS, dtype=np.int32)
    tokens.tofile(OUT / f"{name}.tokens")
    if model_class.endswith("ForCausalLM"):
        with torch.no_grad():
            logits = model(torch.tensor(tokens.astype(np.int64))[None], use_cache=False).logits[0].float()
        logits.numpy().tofile(OUT / f"{name}.logits")


def packed(values, bits, dim):
    """Small whole numbers as words of 32 bits, the first lowest, along a dimension."""
    each = 32 // bits
    moved = values.movedim(dim, -1).to(torch.int64)
    words = (moved.reshape(*moved.shape[:-1], -1, each) << (bits * torch.arange(each))).sum(-1)
    return torch.where(words >= 2**31, words - 2**32, words).to(torch.int32).movedim(-1, dim).contiguous()


def gptq(base, rows, columns, random):
    groups, order = columns // 32, torch.randperm(columns, generator=random) // 32
    return {
        f"{base}.qweight": packed(random_ints(random, 16, columns, rows), 4, 0),
        f"{base}.qzeros": packed(random_ints(random, 15, groups, rows), 4, 1),
        f"{base}.scales": (0.02 * torch.rand(groups, rows, generator=random)).half(),
        f"{base}.g_idx": order.to(torch.int32),
    }


def fp8(base, rows, columns, random):
    down, across = -(-rows // 48), -(-columns // 40)
    return {
        f"{base}.weight": torch.randn(rows, columns, generator=random).to(torch.float8_e4m3fn),
        f"{base}.weight_scale_inv": torch.rand(down, across, generator=random),
    }


def int4(base, rows, columns, random):
    return {
        f"{base}.weight_packed": packed(random_ints(random, 16, rows, columns), 4, 1),
        f"{base}.weight_scale": (0.02 * torch.rand(rows, columns // 32, generator=random)).bfloat16(),
        f"{base}.weight_shape": torch.tensor([rows, columns]),
    }


def fp8_channels(base, rows, columns, random):
    return {
        f"{base}.weight": torch.randn(rows, columns, generator=random).to(torch.float8_e4m3fn),
        f"{base}.weight_scale": torch.rand(rows, 1, generator=random).bfloat16(),
    }


def mxfp4(base, experts, columns, rows, random):
    shape = (experts, rows, columns // 32)
    return {
        f"{base}_blocks": random_ints(random, 256, *shape, 16).to(torch.uint8),
        f"{base}_scales": (118 + random_ints(random, 8, *shape)).to(torch.uint8),
    }


def random_ints(random, below, *shape):
    return torch.randint(0, below, shape, generator=random)


def compressed(form, **weights):
    return dict(quant_method="compressed-tensors", format=form, config_groups=dict(group_0=dict(
        targets=["Linear"], weights=dict(weights))))


# Random weights as quantizers write them, in the place of those of a checkpoint whose names end so.
QUANTIZED = {
    "mxfp4": (mxfp4, dict(quant_method="mxfp4")),
    "gptq": (gptq, dict(quant_method="gptq", bits=4, group_size=32, desc_act=True, sym=False)),
    "fp8": (fp8, dict(quant_method="fp8", weight_block_size=[48, 40])),
    "int4": (int4, compressed("pack-quantized", num_bits=4, type="int", group_size=32, strategy="group", symmetric=True)),
    "fp8_channels": (fp8_channels, compressed("float-quantized", num_bits=8, type="float", strategy="channel")),
}


def quantize(method):
    from safetensors.torch import load_file, save_file
    make, said = QUANTIZED[method]
    origin, end = ("gpt_oss", ("gate_up_proj", "down_proj")) if method == "mxfp4" else ("qwen2", "_proj.weight")
    name = f"{origin}_{method}"
    shutil.copytree(OUT / origin, OUT / name, dirs_exist_ok=True)
    random = torch.Generator().manual_seed(11)
    tensors = {}
    for key, tensor in load_file(OUT / origin / "model.safetensors").items():
        if key.endswith(end):
            tensors.update(make(key.removesuffix(".weight"), *tensor.shape, random))
        else:
            tensors[key] = tensor
    save_file(tensors, OUT / name / "model.safetensors", metadata=dict(format="pt"))
    config = json.loads((OUT / name / "config.json").read_text())
    (OUT / name / "config.json").write_text(json.dumps(dict(config, quantization_config=said)))
    return name


def convert(name, kind):
    out = OUT / f"{name}.{kind}.gguf"
    sys.argv = ["convert_hf_to_gguf.py", str(OUT / name), "--outfile", str(out), "--outtype", kind]
    try:
        runpy.run_path(str(LLAMA_CPP / "convert_hf_to_gguf.py"), run_name="__main__")
    except SystemExit as ended:
        if ended.code not in (None, 0):
            raise RuntimeError(f"llama.cpp's converter ended with {ended.code}")


for name in [one for one in CHECKPOINTS if not ONLY or one in ONLY]:
    try:
        make(name)
        for kind in ["f32", *TYPES.get(name, [])]:
            convert(name, kind)
        print(f"made {name}", flush=True)
    except Exception as error:  # Said in the figure; the others are worth having.
        print(f"failed {name}: {error}", flush=True)
for method in [one for one in QUANTIZED if not ONLY or one in ONLY]:
    try:
        convert(quantize(method), "f32")
        print(f"made {method}", flush=True)
    except Exception as error:
        print(f"failed {method}: {error}", flush=True)
